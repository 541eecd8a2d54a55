/** What can be seen of a text, and what a name may be. The server decides; this saves asking it. */
import { characters } from "./text.ts";

/** Whether anything of it can be seen. */
export function isSeen(text: string): boolean {
  return SEEN.test(text);
}

/** A text without what no message may have: control characters but tabs and line breaks. Pasting brings them along. */
export function withoutControls(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(CONTROLS, "");
}

/** By how many characters a text is too long, without white space around it; 0: it is not. */
export function over(text: string, longest: number): number {
  return Math.max(0, characters(text.trim()) - longest);
}

/** A message as it is sent: without empty lines around it. The spaces that its first line begins with are part of it. */
export function asSent(text: string): string {
  return withoutControls(text).replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
}

/** A name as it is sent, or null if it cannot be one. */
export function asName(written: string, longest: number): string | null {
  const name = written.trim().normalize("NFC");
  return name === "" || characters(name) > longest || UNSEEN.test(name) ? null : name;
}

/** A topic as it is sent, or null if it cannot be one. */
export function asTopic(written: string): string | null {
  const topic = written.trim();
  return characters(topic) > LONGEST_TOPIC || /\p{Cc}/u.test(topic) ? null : topic;
}

/** So many characters a message has at most. */
export const LONGEST_MESSAGE = 4_000;
const LONGEST_TOPIC = 1_024;
const SEEN = /[^\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;
const CONTROLS = /(?![\t\n])\p{Cc}/gu;
/** Joiners and U+FE0F have their places in names, which the server knows. */
const UNSEEN = /[\p{Cc}\p{Co}\u2800]|(?![ \u200C\u200D\uFE0F])[\p{White_Space}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
