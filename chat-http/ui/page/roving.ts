/** A list that is one stop for Tab: arrows go through it. */

/** Where a key leads from the entry at `at`, of so many; null if it leads nowhere. */
export function stepOf(key: string, at: number, count: number): number | null {
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: count - 1 }[key];
  return to === undefined || to < 0 || to >= count || to === at ? null : to;
}

/**
 * Puts the focus where a key leads: up and down from entry to entry, whose first part takes it, and to the sides within one.
 * Whether it was such a key.
 */
export function rove(event: KeyboardEvent, entries: readonly Element[]): boolean {
  const { key, target } = event;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !(target instanceof Element)) return false;
  const at = entries.findIndex((entry) => entry.contains(target));
  if (at < 0) return false;
  const parts = [...(entries[at] as Element).querySelectorAll<HTMLElement>("a, button")];
  const isBackwards = getComputedStyle(target).direction === "rtl";
  const aside = { ArrowRight: isBackwards ? -1 : 1, ArrowLeft: isBackwards ? 1 : -1 }[key];
  const to = stepOf(key, at, entries.length);
  const next = aside !== undefined ? parts[parts.indexOf(target as HTMLElement) + aside] : to === null ? undefined : entries[to]?.querySelector<HTMLElement>("a");
  if (!next) return false;
  event.preventDefault();
  next.focus();
  return true;
}
