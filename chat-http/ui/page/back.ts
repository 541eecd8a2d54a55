/** Back closes the window that is open rather than leaving the room: there is a step in the history as long as one is. */

/** What closes each that is open, the one in front last. */
const closers: (() => void)[] = [];
/** The browser has been told to leave that step, and is not there yet. */
let leaving = false;
let listens = false;

/** Says that a window is open, until the returned function is called. */
export function closeOnBack(close: () => void): () => void {
  if (!listens) addEventListener("popstate", onPop);
  listens = true;
  closers.push(close);
  settle();
  return () => {
    closers.splice(closers.indexOf(close), 1);
    // Another window may follow at once, and takes its place there.
    setTimeout(settle);
  };
}

function isThere(): boolean {
  return (history.state as { dialog?: true } | null)?.dialog === true;
}

function settle(): void {
  if (leaving || isThere() === closers.length > 0) return;
  if (closers.length > 0) return history.pushState({ ...(history.state as object | null), dialog: true }, "");
  leaving = true;
  history.back();
}

function onPop(): void {
  // What comes of leaving is no wish of a person's.
  if (!leaving && !isThere()) return closers.at(-1)?.();
  leaving = false;
  settle();
}
