/**
 * How much is unread in each room: of one's own, what the server has counted, and what was told since; of others, what came
 * since they were listed.
 */
import { UnreadCounter, type Activity, type Unread } from "../client/src/index.ts";
import type { Message, MyRoom } from "./api.ts";
import type { Session } from "./session.ts";

/** A room whose count is in doubt is asked about at most this often. */
const PAUSE_MS = 3_000;

export class Badges {
  readonly #session: Session;
  readonly #changed: () => void;
  readonly #counters = new Map<number, UnreadCounter>();
  /** The rooms in which the user has a mark. */
  readonly #own = new Set<number>();
  /** Rooms whose first messages are being counted. */
  readonly #counting = new Set<number>();
  /** Rooms that were asked about just now: whether they are in doubt again. */
  readonly #paused = new Map<number, ReturnType<typeof setTimeout>>();

  constructor(session: Session, changed: () => void) {
    this.#session = session;
    this.#changed = changed;
  }

  close(): void {
    for (const timer of this.#paused.values()) clearTimeout(timer);
  }

  /** Whether it is one of one's own rooms. */
  has(room: number): boolean {
    return this.#own.has(room);
  }

  of(room: number): number {
    return this.#counters.get(room)?.unread ?? 0;
  }

  /** How many of them mention the user. */
  mentions(room: number): number {
    return this.#counters.get(room)?.mentions ?? 0;
  }

  /** In all rooms but this one; of muted rooms, only what mentions the user counts. */
  sum(but: number | null, isMuted: (room: number) => boolean): number {
    let sum = 0;
    for (const [room, { unread, mentions }] of this.#counters) if (room !== but) sum += isMuted(room) ? mentions : unread;
    return sum;
  }

  /** To be called before one's rooms are asked for; what is returned takes each of them. */
  asking(): (room: MyRoom) => void {
    const asked = new Map([...this.#own].map((room) => [room, this.#mine(room).ask()]));
    return ({ id, read: seq, unread, mentions, ordinal, head }) => {
      // It was told of meanwhile, and this may be older.
      if (this.has(id) && !asked.has(id)) return;
      const counter = this.#mine(id);
      counter.answer({ seq, unread, mentions, ordinal, head }, asked.get(id) ?? counter.ask());
      this.#changed();
    };
  }

  /** The server says what is unread, unasked or after a mark. */
  answer(room: number, unread: Unread): void {
    this.#mine(room).answer(unread);
    this.#changed();
  }

  attached(room: number, head: number): void {
    this.#counters.get(room)?.attached(head);
    this.#settle(room);
  }

  /** `before` is the newest event that the list knew of. */
  activity(activity: Activity, before: number): void {
    const counter = this.#counters.get(activity.room);
    if (!counter) return void this.#begin(activity, before);
    counter.activity(activity);
    this.#settle(activity.room);
  }

  mention(room: number): void {
    this.#counters.get(room)?.mention();
    this.#settle(room);
    this.#changed();
  }

  forget(room: number): void {
    clearTimeout(this.#paused.get(room));
    this.#paused.delete(room);
    this.#counters.delete(room);
    this.#own.delete(room);
  }

  /** Counts what came in a room of others since it was listed. */
  async #begin({ room, head, ordinal, last }: Activity, before: number): Promise<void> {
    if (head <= before || this.#counting.has(room)) return;
    this.#counting.add(room);
    try {
      const { api, user } = this.#session;
      const isOne = head === before + 1 && last?.seq === head;
      const messages: Pick<Message, "seq" | "user">[] = isOne ? [{ seq: head, user: last.user ?? "" }] : (await api.messages(room, { after: before, limit: 100 })).messages;
      if (this.#counters.has(room)) return;
      const unread = messages.filter((message) => message.seq <= head && message.user !== user).length;
      const counter = new UnreadCounter(user);
      counter.answer({ seq: before, unread, mentions: 0, ordinal, head });
      this.#counters.set(room, counter);
      this.#changed();
    } catch {
      // The next activity tries again.
    } finally {
      this.#counting.delete(room);
    }
  }

  /** The counter of one of one's own rooms. */
  #mine(room: number): UnreadCounter {
    if (!this.#own.has(room)) this.#counters.delete(room);
    this.#own.add(room);
    const counter = this.#counters.get(room) ?? new UnreadCounter(this.#session.user);
    this.#counters.set(room, counter);
    return counter;
  }

  /** Asks about a room whose count may be wrong. */
  #settle(room: number): void {
    const counter = this.#counters.get(room);
    if (!counter || counter.exact || !this.#own.has(room) || this.#paused.has(room)) return;
    this.#paused.set(
      room,
      setTimeout(() => {
        this.#paused.delete(room);
        this.#settle(room);
      }, PAUSE_MS),
    );
    const asked = counter.ask();
    this.#session.client.read(room, counter.mark).then(
      (unread) => {
        counter.answer(unread, asked);
        this.#changed();
      },
      () => {},
    );
  }
}
