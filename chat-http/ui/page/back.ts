/** Back closes the window that is open rather than leaving the room: there is a step in the history as long as one is. */

/** The history of the browser, as far as it matters here. */
export interface Steps {
  /** Whether the step of a window is the one of now. */
  isThere(): boolean;
  /** The address, which the step of a window has in common with the one before it. */
  address(): string;
  push(): void;
  /** Tells the browser to go back, which happens a moment later. */
  back(): void;
  goTo(address: string): void;
}

/** A browser that has not gone back by then does not: it does something else instead. */
export const PATIENCE_MS = 1_000;

export class WindowStep {
  readonly #steps: Steps;
  /** What closes each that is open, the one in front last. */
  readonly #closers: (() => void)[] = [];
  /** The address whose step is being left: the browser has been told to, and is not there yet. */
  #left: string | null = null;
  /** The address that was asked for meanwhile: going back undoes it. */
  #asked: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** Says that a window is open, until the returned function is called. */
  open(close: () => void): () => void {
    this.#closers.push(close);
    this.#settle();
    return () => {
      this.#closers.splice(this.#closers.indexOf(close), 1);
      // Another window may follow at once, and takes its place there.
      setTimeout(() => this.#settle());
    };
  }

  /** The step of now is another one, or the address is. */
  popped(): void {
    if (this.#left !== null && this.#steps.address() !== this.#left) {
      this.#asked = this.#steps.address();
      return;
    }
    const [wasLeaving, asked] = [this.#left !== null, this.#asked];
    this.#arrived();
    if (asked !== null) this.#steps.goTo(asked);
    // What comes of leaving is no wish of a person's.
    else if (wasLeaving || this.#steps.isThere()) this.#settle();
    else this.#closers.at(-1)?.();
  }

  #settle(): void {
    if (this.#left !== null || this.#steps.isThere() === this.#closers.length > 0) return;
    if (this.#closers.length > 0) return this.#steps.push();
    this.#left = this.#steps.address();
    this.#timer = setTimeout(() => (this.#arrived(), this.#settle()), PATIENCE_MS);
    this.#steps.back();
  }

  #arrived(): void {
    clearTimeout(this.#timer);
    this.#left = this.#asked = null;
  }
}

let step: WindowStep | undefined;

/** Says that a window is open, until the returned function is called. */
export function closeOnBack(close: () => void): () => void {
  if (!step) {
    step = new WindowStep(browser);
    addEventListener("popstate", () => step?.popped());
  }
  return step.open(close);
}

const browser: Steps = {
  isThere: () => (history.state as { dialog?: true } | null)?.dialog === true,
  address: () => location.hash,
  push: () => history.pushState({ ...(history.state as object | null), dialog: true }, ""),
  back: () => history.back(),
  goTo: (address) => void (location.hash = address),
};
