/** The rooms that somebody wants to have at the top: kept by this browser, for each user. And in which order the list is. */
import type { Room } from "./api.ts";
import { remember, remembered } from "./storage.ts";

/** The parts of the list, in their order: what one has chosen, one's own rooms, and those of others that one may go to. */
export const PARTS = ["favourites", "yours", "browse"] as const;
export type Part = (typeof PARTS)[number];

/** No list is longer. */
const MOST = 500;

export class Favourites {
  readonly #key: string;
  readonly #rooms: Set<number>;

  /** `owner` is what `ownerOf` gives. */
  constructor(owner: string) {
    this.#key = `${owner} favourites`;
    const stored = remembered<unknown>("local", this.#key, []);
    this.#rooms = new Set(Array.isArray(stored) ? stored.filter((id) => Number.isSafeInteger(id)).slice(-MOST) : []);
  }

  has(room: number): boolean {
    return this.#rooms.has(room);
  }

  set(room: number, isOne: boolean): void {
    if (isOne === this.has(room)) return;
    if (isOne) this.#rooms.add(room);
    else this.#rooms.delete(room);
    remember("local", this.#key, this.#rooms.size > 0 ? [...this.#rooms].slice(-MOST) : null);
  }
}

/** The rooms part by part; within a part they stay in their order. */
export function inParts(rooms: readonly Room[], partOf: (room: Room) => Part): Room[] {
  return PARTS.flatMap((part) => rooms.filter((room) => partOf(room) === part));
}
