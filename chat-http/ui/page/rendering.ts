/** Renders once a frame, however much has changed: in a flood, each message would be drawn alone otherwise. */
import { options } from "preact";
import { Pace } from "./pace.ts";

/** Nobody sees the frames of a hidden page, and there are none: it is rendered all the same, for its title. */
const HIDDEN_MS = 200;
const FRAME_MS = 16;

const pace = new Pace();
let waiting: Waiting | undefined;

/** What has changed, and waits for its frame. */
class Waiting {
  readonly #render: () => void;
  readonly #since = performance.now();
  readonly #hidden = setTimeout(() => this.now(), HIDDEN_MS);
  #rest: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;

  constructor(render: () => void) {
    this.#render = render;
    this.schedule();
  }

  schedule(): void {
    this.#forget();
    const wait = pace.wait(this.#since, performance.now());
    // The frame that is on its way is soon enough.
    if (wait < FRAME_MS) this.#frame = requestAnimationFrame(() => this.now());
    else this.#rest = setTimeout(() => this.schedule(), wait - FRAME_MS);
  }

  now(): void {
    this.#forget();
    clearTimeout(this.#hidden);
    waiting = undefined;
    const start = performance.now();
    this.#render();
    pace.drew(performance.now());
    // The task after this one comes when the frame is painted.
    setTimeout(() => pace.painted(performance.now() - start));
  }

  #forget(): void {
    clearTimeout(this.#rest);
    cancelAnimationFrame(this.#frame);
  }
}

/** Somebody scrolls: what waits is rendered in the next frame. */
export function hurry(): void {
  pace.scrolled(performance.now());
  waiting?.schedule();
}

/** Renders what waits for the next frame at once. */
export function flush(): void {
  waiting?.now();
}

export function renderOnceAFrame(): void {
  // Whoever handles what a person does finds everything as it was left.
  for (const name of ["keydown", "pointerdown", "click", "submit"]) addEventListener(name, (event) => (isLetter(event) ? letter() : flush()), { capture: true });
  options.debounceRendering = (render) => void (waiting = new Waiting(render));
}

/** A letter gets into its field by itself: in a flood, it would have to wait for all that came since the last frame. */
function letter(): void {
  pace.typed(performance.now());
  waiting?.schedule();
}

function isLetter(event: Event): boolean {
  return event instanceof KeyboardEvent && event.key.length === 1 && !event.ctrlKey && !event.metaKey && event.target instanceof HTMLTextAreaElement;
}
