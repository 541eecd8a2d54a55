/** How far the others have read a room, and under which of one's own messages that is shown. */
import type { Identity, ReadMark } from "../../client/src/index.ts";
import type { Item, Timeline } from "../timeline.ts";

/** In rooms with more people nobody is told. */
export const MOST_PEOPLE = 100;

export type Readers = ReadonlyMap<number, readonly Identity[]>;
export const NO_READERS: Readers = new Map();

export class Receipts {
  readonly #me: string;
  readonly #marks = new Map<string, ReadMark>();
  #shown: Readers = NO_READERS;

  constructor(me: string) {
    this.#me = me;
  }

  /** Somebody has read so far. What was read once was read, also if its mark is put back. */
  know(marks: readonly ReadMark[]): void {
    for (const mark of marks) {
      const { user, seq } = mark;
      if (user !== this.#me && (this.#marks.get(user)?.seq ?? -1) < seq) this.#marks.set(user, mark);
    }
  }

  /** Those who have read a message. */
  of(seq: number): Identity[] {
    return [...this.#marks.values()].filter((mark) => mark.seq >= seq);
  }

  /** Whom to show under which message. What has not changed is the same as before, so that its row is not drawn again. */
  over({ items, end, hasAfter }: Pick<Timeline, "items" | "end" | "hasAfter">): Readers {
    const shown = readersUnder(items, [...this.#marks.values()], this.#me, hasAfter ? end : Number.POSITIVE_INFINITY);
    for (const [seq, readers] of shown) {
      const before = this.#shown.get(seq);
      if (before && isSame(before, readers)) shown.set(seq, before);
    }
    return (this.#shown = shown);
  }
}

function isSame(one: readonly Identity[], other: readonly Identity[]): boolean {
  return one.length === other.length && one.every(({ user, username }, at) => user === other[at]?.user && username === other[at]?.username);
}

/**
 * Each reader stands under the newest of one's own messages that they have read. Whoever has read beyond `end`, up to where
 * the messages are loaded, may have read a newer one of them.
 */
export function readersUnder(items: readonly Pick<Item, "kind" | "user" | "seq" | "deleted">[], marks: readonly ReadMark[], me: string, end: number): Map<number, readonly Identity[]> {
  const waiting = marks.filter(({ seq }) => seq <= end).sort((one, other) => other.seq - one.seq);
  const under = new Map<number, Identity[]>();
  for (let index = items.length - 1; index >= 0 && waiting.length > 0; index--) {
    const item = items[index];
    if (item?.kind !== "message" || item.user !== me || item.deleted) continue;
    const more = waiting.findIndex(({ seq }) => seq < item.seq);
    const readers = waiting.splice(0, more < 0 ? waiting.length : more);
    if (readers.length > 0) under.set(item.seq, readers.sort(byUser));
  }
  return under;
}

function byUser(one: Identity, other: Identity): number {
  return one.user < other.user ? -1 : 1;
}
