/** Rooms that were open, as they were left: while the server cannot be reached, they can be read all the same. */
import type { Room } from "./api.ts";
import type { Timeline } from "./timeline.ts";

/** So many are kept, those that were left last. */
const MOST = 20;

export interface KeptRoom {
  info: Room;
  timeline: Timeline;
}

export class Kept {
  readonly #rooms = new Map<number, KeptRoom>();

  keep(room: KeptRoom): void {
    const { id } = room.info;
    this.#rooms.delete(id);
    this.#rooms.set(id, room);
    const oldest = this.#rooms.keys().next();
    if (this.#rooms.size > MOST && oldest.done !== true) this.#rooms.delete(oldest.value);
  }

  of(room: number): KeptRoom | undefined {
    return this.#rooms.get(room);
  }

  forget(room: number): void {
    this.#rooms.delete(room);
  }
}
