/** What is worth telling outside of the page: nothing twice, nothing of one's own, and nothing that was on screen. */
import type { Notify } from "./api.ts";

/** A message that was heard of, in whatever way. */
export interface News {
  room: number;
  seq: number;
  /** Who wrote it, if that is known. */
  user?: string | null;
  /** Whether it concerns this person: it mentions them or everyone, or is in a thread of theirs. */
  isForMe: boolean;
}

/** So many messages are kept in mind: the same is heard of within seconds, or never again. */
const MOST = 500;

export class Telling {
  readonly #me: string;
  /** What was told or on screen, the oldest first. */
  readonly #known = new Set<string>();

  constructor(me: string) {
    this.#me = me;
  }

  /** Whether to tell it now, where this is what one wants to be told of its room; it is known from then on. */
  tells({ room, seq, user, isForMe }: News, wanted: Notify, isSeen: boolean): boolean {
    const key = `${room}/${seq}`;
    if (user === this.#me || this.#known.has(key)) return false;
    const isWanted = wanted === "all" || (wanted === "mentions" && isForMe);
    // A mention may follow by another way.
    if (!isWanted && !isSeen) return false;
    this.#keep(key);
    return !isSeen;
  }

  #keep(key: string): void {
    this.#known.add(key);
    for (const oldest of this.#known) {
      if (this.#known.size <= MOST) break;
      this.#known.delete(oldest);
    }
  }
}
