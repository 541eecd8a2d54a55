/** When the page is drawn anew. What takes long is done less often, so that keys and scrolling find the page free. */

/** After a drawing, the page is left alone for so many times as long as that took, painting included… */
const REST = 1.5;
/** …but not for longer than this. */
const LONGEST_REST_MS = 100;
/** So long after the last step, scrolling goes on. */
const SCROLLING_MS = 300;
/** A letter in a field is painted before what takes longer than this, and the one after it often, too… */
const SLOW_MS = 16;
const LETTER_MS = 50;
/** …but however fast someone types, nothing waits for longer than this. */
const LONGEST_WAIT_MS = 150;

export class Pace {
  #cost = 0;
  #restsUntil = 0;
  #scrolledAt = Number.NEGATIVE_INFINITY;
  #typedAt = Number.NEGATIVE_INFINITY;

  /** A drawing is done; what it costs in all is known once it is painted. */
  drew(now: number): void {
    this.#restsUntil = now + Math.min(LONGEST_REST_MS, this.#cost * REST);
  }

  painted(cost: number): void {
    this.#cost = cost;
  }

  /** Somebody scrolls: every frame has its rows, without rests. */
  scrolled(now: number): void {
    this.#scrolledAt = now;
  }

  typed(now: number): void {
    if (this.#cost > SLOW_MS) this.#typedAt = now;
  }

  /** For how long what waits since then waits on. */
  wait(since: number, now: number): number {
    if (now - this.#scrolledAt < SCROLLING_MS) return 0;
    const letter = Math.min(this.#typedAt + LETTER_MS, since + LONGEST_WAIT_MS);
    return Math.max(0, this.#restsUntil - now, letter - now);
  }
}
