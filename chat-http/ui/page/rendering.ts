/**
 * Renders once a frame, however much has changed: in a flood, each message would be drawn alone otherwise. What takes long
 * is done less often, so that keys and scrolling find the page free.
 */
import { options } from "preact";

/** Nobody sees the frames of a hidden page, and there are none: it is rendered all the same, for its title. */
const HIDDEN_MS = 200;
/** After a rendering, the page is left alone for so many times as long as that took, painting included… */
const REST = 1.5;
/** …but not for longer than this. */
const LONGEST_REST_MS = 100;
const FRAME_MS = 16;

/** So long after the last step, scrolling goes on. */
const SCROLLING_MS = 300;
let scrolledAt = 0;

/** Somebody scrolls: every frame has its rows, without rests. */
export function hurry(): void {
  scrolledAt = performance.now();
}

let pending: (() => void) | undefined;

/** Renders what waits for the next frame at once. */
export function flush(): void {
  pending?.();
}

export function renderOnceAFrame(): void {
  let restsUntil = 0;
  let cost = 0;
  // Whoever handles what a person does finds everything as it was left.
  for (const name of ["keydown", "pointerdown", "click", "submit"]) addEventListener(name, (event) => isLetter(event) || flush(), { capture: true });
  options.debounceRendering = (render) => {
    let isDone = false;
    const once = (): void => {
      if (isDone) return;
      isDone = true;
      pending = undefined;
      clearTimeout(timer);
      const start = performance.now();
      render();
      restsUntil = performance.now() + Math.min(LONGEST_REST_MS, cost * REST);
      // The task after this one comes when the frame is painted.
      setTimeout(() => (cost = performance.now() - start));
    };
    const timer = setTimeout(once, HIDDEN_MS);
    pending = once;
    const inAFrame = (): void => void requestAnimationFrame(once);
    const now = performance.now();
    const rest = restsUntil - now;
    // The frame that is on its way is soon enough.
    if (rest < FRAME_MS || now - scrolledAt < SCROLLING_MS) inAFrame();
    else setTimeout(inAFrame, rest - FRAME_MS);
  };
}

/** A letter gets into its field by itself: in a flood, it would have to wait for all that came since the last frame. */
function isLetter(event: Event): boolean {
  return event instanceof KeyboardEvent && event.key.length === 1 && !event.ctrlKey && !event.metaKey && event.target instanceof HTMLTextAreaElement;
}
