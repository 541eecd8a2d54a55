/** When to tell a room that the user is typing, and when that would be one word too many. */

/** A refresh is sent at most this often; the server forgets a typist after twice as long. */
export const REFRESH_MS = 3_000;

export class TypingThrottle {
  readonly #now: () => number;
  readonly #refreshedAt = new Map<number, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether this has to be sent: a start or a refresh that is due, or the stop after one. */
  due(room: number, isTyping: boolean): boolean {
    const last = this.#refreshedAt.get(room);
    if (!isTyping) return this.#refreshedAt.delete(room);
    const now = this.#now();
    // A clock that was set back must not silence the room.
    if (last !== undefined && now >= last && now - last < REFRESH_MS) return false;
    this.#refreshedAt.set(room, now);
    return true;
  }

  /** The room knows of no typing any more: a message went there, or the attachment ended. */
  forget(room: number): void {
    this.#refreshedAt.delete(room);
  }

  forgetAll(): void {
    this.#refreshedAt.clear();
  }
}
