import assert from "node:assert/strict";
import { test } from "node:test";
import { letterOf } from "../letter.ts";

test("a key is named by its letter, or by its place where letters are of another script", () => {
  const of = (key: string, code: string): string => letterOf({ key, code });
  assert.deepEqual([of("k", "KeyK"), of("K", "KeyK"), of("Enter", "Enter"), of("+", "BracketRight")], ["k", "k", "enter", "+"]);
  assert.deepEqual([of("л", "KeyK"), of("ن", "KeyK"), of("κ", "KeyK"), of("क", "KeyK")], ["k", "k", "k", "k"]);
  // On Dvorak, the letter counts.
  assert.equal(of("t", "KeyK"), "t");
  assert.equal(of("é", "Digit2"), "é");
  assert.equal(of("ё", "Backquote"), "ё");
});
