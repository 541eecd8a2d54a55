/** What this browser has kept of messages that are not sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { storedLetter, storedLetters, storeLetter, type Letter } from "../letters.ts";

const KEY = "0198c0de-0000-7000-8000-000000000000";
const letter: Letter = { key: KEY, room: 7, text: "Hello", fields: {}, at: 1_700_000_000_000, tab: null };

/** A storage as the browser has it: its keys are properties of it. */
function store(letters: Record<string, string>): void {
  const items: Record<string, string> = {};
  const methods = { getItem: (key: string) => items[key] ?? null, setItem: (key: string, text: string) => void (items[key] = text) };
  (globalThis as { localStorage?: unknown }).localStorage = new Proxy(items, { get: (_, name) => methods[name as keyof typeof methods] });
  for (const [key, text] of Object.entries(letters)) items[`Ada outbox.${key}`] = text;
}

test("letters are kept by whose they are", () => {
  store({});
  storeLetter("Ada", letter);
  assert.deepEqual(storedLetters("Ada"), [letter]);
  assert.deepEqual(storedLetter("Ada", KEY), letter);
  assert.deepEqual(storedLetters("Bob"), []);
});

test("what is stored and is no letter is none", () => {
  const damaged = [{ at: 1e300 }, { at: "1" }, { room: 1.5 }, { room: null }, { text: {} }, { key: 7 }];
  for (const text of ["{", "null", "7", "[]", ...damaged.map((each) => JSON.stringify({ ...letter, ...each }))]) {
    store({ [KEY]: text });
    assert.deepEqual([storedLetters("Ada"), storedLetter("Ada", KEY)], [[], null], text);
  }
});

test("of its fields, only those are taken that can be sent", () => {
  store({ [KEY]: JSON.stringify({ ...letter, fields: { reply_to: -1, thread: "3", mentions: [1], mentions_room: "yes" } }) });
  assert.deepEqual(storedLetters("Ada"), [letter]);
});
