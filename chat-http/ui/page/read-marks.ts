/** How far each room was read: kept in this browser, shared by its tabs, and never going back. */
import { remember, remembered } from "./storage.ts";
import { Model } from "./model.ts";

type Marks = Record<string, number>;

export class ReadMarks extends Model {
  readonly #key: string;
  #marks: Marks;
  readonly #onStorage = (event: StorageEvent): void => {
    if (event.key === this.#key) this.#merge();
  };

  constructor(user: string) {
    super();
    this.#key = `chat.read.${user}`;
    this.#marks = remembered<Marks>("local", this.#key, {});
    addEventListener("storage", this.#onStorage);
  }

  close(): void {
    removeEventListener("storage", this.#onStorage);
  }

  /** The last number that was read; null for a room that was never seen. */
  of(room: number): number | null {
    return this.#marks[room] ?? null;
  }

  raise(room: number, seq: number): void {
    const before = this.#marks[room];
    if (before !== undefined && before >= seq) return;
    this.#merge();
    this.#marks[room] = Math.max(this.#marks[room] ?? 0, seq);
    remember("local", this.#key, this.#marks);
    this.changed();
  }

  /** The room's history ends before the mark: it was restored from a backup. */
  lower(room: number, seq: number): void {
    this.#marks[room] = seq;
    remember("local", this.#key, this.#marks);
    this.changed();
  }

  forget(room: number): void {
    delete this.#marks[room];
    remember("local", this.#key, this.#marks);
  }

  #merge(): void {
    const others = remembered<Marks>("local", this.#key, {});
    let raised = false;
    for (const [room, seq] of Object.entries(others)) {
      if ((this.#marks[room] ?? -1) >= seq) continue;
      this.#marks[room] = seq;
      raised = true;
    }
    if (raised) this.changed();
  }
}
