/** What the server finds for what is being typed. */
import { useEffect, useState } from "preact/hooks";

/** So long after the last letter the server is asked. */
export const SEARCH_MS = 150;
const NOTHING: readonly never[] = [];

/** Asks for it soon, unless that is ended before; where there is nothing to ask for, nothing is found. Returns what ends it. */
export function findSoon<T>(query: string | null, find: (query: string) => Promise<readonly T[]>, onFound: (found: readonly T[]) => void): () => void {
  if (query === null) {
    onFound(NOTHING);
    return () => {};
  }
  let isOver = false;
  // What was found before stays where there is no answer.
  const ask = (): void => void find(query).then((found) => isOver || onFound(found), () => {});
  const timer = setTimeout(ask, SEARCH_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** What was found for what is typed, or for what was until the answer is there; `null` asks for nothing. */
export function useFound<T>(query: string | null, find: (query: string) => Promise<readonly T[]>): readonly T[] {
  const [found, setFound] = useState<readonly T[]>(NOTHING);
  useEffect(() => findSoon(query, find, setFound), [query]);
  return found;
}
