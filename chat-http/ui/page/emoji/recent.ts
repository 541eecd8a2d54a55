/** The emoji that were used last in this browser. */
import { remember, remembered } from "../storage.ts";

const KEY = "chat.emoji";
const MOST = 16;
/** Where none was used yet. */
const FIRST = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "🔥"];

export function recentEmoji(): string[] {
  const stored = remembered<unknown>("local", KEY, []);
  const recent = Array.isArray(stored) ? stored.filter((each) => typeof each === "string" && each !== "" && each.length < 32) : [];
  return withFirst(recent as string[]);
}

export function noteEmoji(emoji: string): void {
  const recent = remembered<unknown>("local", KEY, []);
  const before = Array.isArray(recent) ? recent.filter((each) => each !== emoji) : [];
  remember("local", KEY, [emoji, ...before].slice(0, MOST));
}

/** A row is full: the usual ones stand behind those that were used. */
function withFirst(recent: string[]): string[] {
  return [...new Set([...recent, ...(recent.length < FIRST.length ? FIRST : [])])].slice(0, recent.length < FIRST.length ? FIRST.length : MOST);
}
