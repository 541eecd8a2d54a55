/** What this browser remembers. Everything works, for this page's life, when it is not allowed to. */

export type Area = "local" | "session";

export function remembered<T>(area: Area, key: string, fallback: T): T {
  try {
    const text = storage(area).getItem(key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** The keys that begin like this. */
export function rememberedKeys(area: Area, prefix: string): string[] {
  try {
    return Object.keys(storage(area)).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

export function remember(area: Area, key: string, value: unknown): void {
  try {
    if (value === null) storage(area).removeItem(key);
    else storage(area).setItem(key, JSON.stringify(value));
  } catch {
    // Private windows and full disks: then it is forgotten with the page.
  }
}

export function forgotten(area: Area, key: string): void {
  remember(area, key, null);
}

function storage(area: Area): Storage {
  return area === "local" ? localStorage : sessionStorage;
}
