/** Functions that stay the same from one rendering to the next, so that what is given them is not drawn again for them alone. */
import { useRef } from "preact/hooks";

type Handlers = Record<string, (...args: never[]) => unknown>;

/** The handlers under names that stay; each does what the newest of its name does. The names are the same each time. */
export function useLatest<H extends Handlers>(handlers: H): H {
  const latest = useRef(handlers);
  latest.current = handlers;
  const stable = useRef<H | null>(null);
  stable.current ??= Object.fromEntries(Object.keys(handlers).map((name) => [name, (...args: never[]) => latest.current[name]?.(...args)])) as H;
  return stable.current;
}
