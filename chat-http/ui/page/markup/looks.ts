/** How messages are looked at: unfolded, or as they were written. Rows come and go; this stays as long as the room is open. */
import { createContext } from "preact";
import { Model } from "../model.ts";

export interface Look {
  /** All of a long text is shown. */
  isWhole: boolean;
  /** Its marks are shown as they were written. */
  isWritten: boolean;
}

const FIRST: Look = { isWhole: false, isWritten: false };

export class Looks extends Model {
  readonly #looks = new Map<string, Look>();

  of(id: string): Look {
    return this.#looks.get(id) ?? FIRST;
  }

  set(id: string, change: Partial<Look>): void {
    this.#looks.set(id, { ...this.of(id), ...change });
    this.changed();
  }
}

/** The looks of the room around. */
export const LooksHere = createContext(new Looks());
