/** Watching rooms, many and without haste: a server counts how much it is asked at once. */
import type { Activity, ChatClient } from "../client/src/index.ts";
import type { Session } from "./session.ts";

/** So many are watched at once, after each connection… */
const AT_ONCE = 100;
/** …then one after another, this far apart… */
const PAUSE_MS = 100;
/** …and no more: a session may watch 1,000. */
const MOST = 990;

/** What a room that cannot be read any more is refused with. */
const GONE = new Set(["room_not_found", "removed", "private", "left"]);

interface Handlers {
  /** What is new after this head is told from now on. */
  attached: (room: number, head: number) => void;
  activity: (activity: Activity) => void;
  gone: (room: number) => void;
}

type Watch = ReturnType<ChatClient["watch"]>;

export class Watches {
  readonly #session: Session;
  readonly #handlers: Handlers;
  readonly #watched = new Map<number, Watch>();
  #wanted: number[] = [];
  #wasOnline = false;
  /** How many may be watched now. */
  #budget = AT_ONCE;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, handlers: Handlers) {
    this.#session = session;
    this.#handlers = handlers;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watch of this.#watched.values()) watch.detach();
    this.#watched.clear();
  }

  /** Says which rooms to watch, the most important first. */
  set(rooms: number[]): void {
    this.#wanted = rooms.slice(0, MOST);
    const wanted = new Set(this.#wanted);
    for (const room of [...this.#watched.keys()]) if (!wanted.has(room)) this.forget(room);
    this.#go();
  }

  forget(room: number): void {
    this.#watched.get(room)?.detach();
    this.#watched.delete(room);
  }

  /** A connection that is lost takes all watches along: the client brings those back that it has, at once. */
  connection(): void {
    const { online } = this.#session.connection;
    if (online === this.#wasOnline) return;
    this.#wasOnline = online;
    if (!online) {
      for (const room of [...this.#watched.keys()].slice(AT_ONCE)) this.forget(room);
      this.#budget = AT_ONCE;
    }
    this.#go();
  }

  #go(): void {
    clearTimeout(this.#timer);
    for (const room of this.#wanted) {
      if (this.#watched.has(room)) continue;
      if (this.#watched.size >= this.#budget) return this.#later();
      this.#watch(room);
    }
  }

  #later(): void {
    if (!this.#session.connection.online) return;
    this.#timer = setTimeout(() => {
      this.#budget += 1;
      this.#go();
    }, PAUSE_MS);
  }

  #watch(room: number): void {
    const watch = this.#session.client.watch(room, {
      attached: (head) => this.#handlers.attached(room, head),
      activity: (activity) => this.#handlers.activity(activity),
      ended: (error) => {
        this.#watched.delete(room);
        if (error === null || GONE.has(error.code)) this.#handlers.gone(room);
      },
    });
    this.#watched.set(room, watch);
  }
}
