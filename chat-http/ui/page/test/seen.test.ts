import assert from "node:assert/strict";
import { test } from "node:test";
import { asName, isSeen, over, withoutControls } from "../seen.ts";

test("what shows nothing is not sent", () => {
  for (const text of ["", " \n", "\u3164", "\u2800", "\u200B\uFE0F", "\u{E0041}", "\uFFF9"]) assert.equal(isSeen(text), false, JSON.stringify(text));
  for (const text of [".", "❤️", "\u3164a", "\u0301"]) assert.equal(isSeen(text), true, JSON.stringify(text));
});

test("control characters are left out of a message", () => {
  assert.equal(withoutControls("a\tb\r\nc\rd\u000B\u001B[31m\u009B\0e"), "a\tb\nc\nd[31me");
});

test("a name is sent in NFC, without white space around it", () => {
  assert.equal(asName(" Zoe\u0308 ", 64), "Zoë");
  assert.equal(asName("e\u0301".repeat(64), 64), "é".repeat(64));
  for (const name of ["👩\u200D👩\u200D👧", "❤️", "می\u200Cخواهم", "Ada Lovelace"]) assert.equal(asName(name, 64), name);
  for (const name of ["", " ", "x".repeat(65), "a\u200Bb", "a\u00A0b", "\u3164", "a\u202Eb", "a\u0007", "\uE000", "a\u2800"]) assert.equal(asName(name, 64), null, name);
});

test("what is too long is counted in characters, as the server counts", () => {
  assert.deepEqual(["", "🎉🎉🎉", " abc ", "🎉🎉🎉🎉", "abcde"].map((text) => over(text, 3)), [0, 0, 0, 1, 2]);
});
