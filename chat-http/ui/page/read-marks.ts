/** How far each room was read. The server keeps it, for all devices and tabs of a user; here is what is known of it. */
import type { ChatClient, Unread } from "../client/src/index.ts";
import { Model } from "./model.ts";

/** Marks are told at most this often: whoever scrolls makes many. */
const PAUSE_MS = 1_000;

/** What has been seen of a room, and is being told. */
interface Telling {
  timer: ReturnType<typeof setTimeout>;
  /** What is to be told when the pause is over. */
  seq: number;
}

export class ReadMarks extends Model {
  readonly #client: ChatClient;
  readonly #marks = new Map<number, number>();
  readonly #telling = new Map<number, Telling>();
  readonly #answered = new Set<(room: number, unread: Unread) => void>();
  readonly #unhear: () => void;
  readonly #hidden = (): void => {
    if (document.visibilityState === "hidden") this.#tellAll();
  };

  constructor(client: ChatClient) {
    super();
    this.#client = client;
    this.#unhear = client.onNotice((notice) => {
      if (notice.type !== "read") return;
      this.know(notice.room, notice.seq);
      this.#answer(notice.room, notice);
    });
    document.addEventListener("visibilitychange", this.#hidden);
  }

  close(): void {
    this.#tellAll();
    this.#unhear();
    document.removeEventListener("visibilitychange", this.#hidden);
  }

  /** Calls back with what is unread in a room, whenever the server says so, until the returned function is called. */
  onAnswer(listener: (room: number, unread: Unread) => void): () => void {
    this.#answered.add(listener);
    return () => this.#answered.delete(listener);
  }

  /** The last number that was read, as far as it is known; null for a room that was never seen. */
  of(room: number): number | null {
    return this.#marks.get(room) ?? null;
  }

  /** The server says how far the room was read; what was seen here since, and is being told, is further on. */
  know(room: number, seq: number): void {
    this.#set(room, Math.max(seq, this.#telling.get(room)?.seq ?? 0));
  }

  /** Everything up to this number has been seen. */
  raise(room: number, seq: number): void {
    if ((this.#marks.get(room) ?? -1) >= seq) return;
    this.#set(room, seq);
    const telling = this.#telling.get(room);
    if (telling) telling.seq = seq;
    else this.#tell(room, seq);
  }

  /** The room is gone, and so is its mark. */
  forget(room: number): void {
    clearTimeout(this.#telling.get(room)?.timer);
    this.#telling.delete(room);
    this.#marks.delete(room);
  }

  #set(room: number, seq: number): void {
    if (this.#marks.get(room) === seq) return;
    this.#marks.set(room, seq);
    this.changed();
  }

  #tell(room: number, seq: number): void {
    const telling: Telling = { seq, timer: setTimeout(() => this.#next(room, seq), PAUSE_MS) };
    this.#telling.set(room, telling);
    this.#send(room, seq);
  }

  #next(room: number, told: number): void {
    const seq = this.#telling.get(room)?.seq ?? 0;
    this.#telling.delete(room);
    if (seq > told) this.#tell(room, seq);
  }

  /** Nobody knows how long a hidden page lives on. */
  #tellAll(): void {
    for (const [room, { timer, seq }] of [...this.#telling]) {
      clearTimeout(timer);
      this.#telling.delete(room);
      this.#send(room, seq);
    }
  }

  /** The server answers a mark with what is unread. What is not answered is told with the next one. */
  #send(room: number, seq: number): void {
    this.#client.read(room, seq).then(
      (unread) => this.#answer(room, unread),
      () => {},
    );
  }

  #answer(room: number, unread: Unread): void {
    for (const listener of [...this.#answered]) listener(room, unread);
  }
}
