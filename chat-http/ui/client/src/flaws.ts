/**
 * What is wrong with a change. The server would refuse it without naming which, or close the socket after a few of
 * them: the other rooms' connection must not suffer from one bad message.
 */

import { ChatError } from "./error.ts";
import { isRecord, isSeq, type Change } from "./protocol.ts";

/** The server takes frames up to 256 KiB; its `ref` fits in the rest. */
const FRAME_LIMIT = 255 * 1024;
const KEY = /^[\x21-\x7e]{1,64}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Control characters but tabs and line breaks, which are LF or CR LF. */
const CONTROL = /(?![\t\n\r])\p{Cc}|\r(?!\n)/u;
/** U+0000 or half a surrogate pair, as JSON writes them. */
const BAD_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;
const REACTION = /^(?!\.{1,2}$)[^\p{Cc}\p{Surrogate}/\\]+$/u;

/** The error that this change would get. */
export function flawIn(change: Change): ChatError | null {
  for (const [field, value] of Object.entries(change)) {
    const check = CHECKS[field];
    if (check !== undefined && value !== undefined && !check.holds(value)) return new ChatError("invalid_field", check.rule, { field });
  }
  if (bytes(JSON.stringify(change)) > FRAME_LIMIT) return new ChatError("too_long", "This is too long.");
  return null;
}

interface Check {
  holds(value: unknown): boolean;
  rule: string;
}

const seq: Check = { holds: isSeq, rule: "A room or a message is a whole number." };
const flag: Check = { holds: (value) => typeof value === "boolean", rule: "This is true or false." };
const text: Check = { holds: isText, rule: "This is not a text, or has a character that cannot be sent." };

const CHECKS: Record<string, Check> = {
  room: seq,
  target: seq,
  reply_to: seq,
  thread: seq,
  seq,
  added: flag,
  pinned: flag,
  back: flag,
  mentions_room: flag,
  content: text,
  reason: text,
  key: { holds: (value) => typeof value === "string" && KEY.test(value), rule: "A key is 1 to 64 visible ASCII characters." },
  reaction: {
    holds: (value) => typeof value === "string" && REACTION.test(value) && bytes(value.normalize("NFC")) <= 64,
    rule: "A reaction is a text of 1 to 64 bytes without / and \\.",
  },
  mentions: { holds: (value) => Array.isArray(value) && value.every(isId), rule: "Mentions are ids of users." },
  meta: { holds: isMeta, rule: "This is not an object, or has a character that cannot be sent." },
};

function isText(value: unknown): boolean {
  return typeof value === "string" && !CONTROL.test(value) && !LONE_SURROGATE.test(value);
}

function isMeta(value: unknown): boolean {
  return isRecord(value) && !BAD_ESCAPE.test(JSON.stringify(value));
}

function isId(value: unknown): boolean {
  return typeof value === "string" && value !== "" && !value.includes("\0") && !LONE_SURROGATE.test(value);
}

function bytes(value: string): number {
  return new TextEncoder().encode(value).length;
}
