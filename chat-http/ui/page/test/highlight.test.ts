/** What a search has found is marked as the search compares. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { highlight, highlightPlain } from "../highlight.ts";

/** The text with found words in brackets. */
const shown = (text: string, query: string): string => highlight(text, query).map(({ text, found }) => (found ? `[${text}]` : text)).join("");

test("all words are marked, wherever they stand", () => {
  assert.equal(shown("Bring the coffee, and tea. Coffee!", "tea coffee"), "Bring the [coffee], and [tea]. [Coffee]!");
  assert.equal(shown("nothing of it", "coffee"), "nothing of it");
  assert.equal(shown("nothing of it", "…"), "nothing of it");
});

test("case, width and diacritics do not matter", () => {
  assert.equal(shown("Zum Café um die Ecke", "CAFE"), "Zum [Café] um die Ecke");
  assert.equal(shown("Zum Cafe\u0301 um die Ecke", "café"), "Zum [Cafe\u0301] um die Ecke");
  assert.equal(shown("ＡＢＣ and abc", "abc"), "[ＡＢＣ] and [abc]");
  assert.equal(shown("the ﬁsh", "fish"), "the [ﬁsh]");
});

test("a word may be the beginning of a longer one, and nothing within it", () => {
  assert.equal(shown("wording a sword", "word"), "[word]ing a sword");
});

test("what is written without spaces is found anywhere", () => {
  assert.equal(shown("明日東京で会う", "東京"), "明日[東京]で会う");
  assert.equal(shown("พบกันที่กรุงเทพ", "กรุงเทพ"), "พบกันที่[กรุงเทพ]");
});

test("of a long text the part around the first word is shown, and no letter is cut in two", () => {
  const text = `${"🎉 ".repeat(200)}needle ${"🎉 ".repeat(200)}`;
  const pieces = highlight(text, "needle");
  assert.equal(pieces.at(0)?.text, "…");
  assert.equal(pieces.at(-1)?.text, "…");
  assert.ok(pieces.some(({ text, found }) => found && text === "needle"));
  assert.ok(pieces.map(({ text }) => text).join("").length < 250);
  for (const { text: piece } of pieces) assert.doesNotThrow(() => encodeURIComponent(piece));
  for (let before = 0; before < 50; before += 1) for (const { text: piece } of highlight(`${"a".repeat(before)}${"🎉".repeat(200)}`, "x")) assert.doesNotThrow(() => encodeURIComponent(piece));
});

test("marks are not shown, unless nothing else was found", () => {
  const shownPlain = (plain: string, written: string, query: string): string => highlightPlain(plain, written, query).map(({ text, found }) => (found ? `[${text}]` : text)).join("");
  assert.equal(shownPlain("On Thursday", "On **Thursday**", "thursday"), "On [Thursday]");
  assert.equal(shownPlain("look here", "[look here](https://river.example)", "river"), "[look here](https://[river].example)");
  assert.equal(shownPlain("look here", "[look here](https://river.example)", "here river"), "look [here]");
  assert.equal(shownPlain("foobar", "foo**bar**", "bar"), "foo**[bar]**");
  assert.equal(shownPlain("a b", "a *b*", "elsewhere"), "a b");
});
