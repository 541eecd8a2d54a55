/** A list that is read page by page, for a window that shows it. */
import { useEffect, useState } from "preact/hooks";
import { codeOf, type Page } from "./api.ts";

export interface Pages<Item> {
  items: Item[];
  /** Whether the first page has come. */
  ready: boolean;
  /** Why a page did not come, or what was done with an item was refused. */
  code: string;
  /** Reads the next page; undefined when there is none. */
  more: (() => void) | undefined;
  /** Puts an item in front. */
  add: (item: Item) => void;
  /** Does something with an item, which is gone from the list then. */
  without: (item: Item, act: () => Promise<unknown>) => void;
}

export function usePages<Item>(read: (after: string) => Promise<Page<Item>>): Pages<Item> {
  const [page, setPage] = useState<Page<Item> | null>(null);
  const [code, setCode] = useState("");
  const refused = (error: unknown): void => setCode(codeOf(error));
  const load = (after: string): void => {
    setCode("");
    read(after).then(({ items, next }) => setPage((before) => ({ items: [...(before?.items ?? []), ...items], next })), refused);
  };
  const change = (edit: (items: Item[]) => Item[]): void => setPage((before) => ({ items: edit(before?.items ?? []), next: before?.next ?? null }));
  useEffect(() => load(""), []);
  return {
    items: page?.items ?? [],
    ready: page !== null,
    code,
    more: page?.next == null ? undefined : () => load(page.next ?? ""),
    add: (item) => change((items) => [item, ...items]),
    without: (item, act) => {
      setCode("");
      act().then(() => change((items) => items.filter((each) => each !== item)), refused);
    },
  };
}
