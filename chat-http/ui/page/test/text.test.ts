import assert from "node:assert/strict";
import { test } from "node:test";
import { characters, isBigEmoji, pieces } from "../text.ts";

const links = (text: string): string[] => pieces(text).flatMap((piece) => (typeof piece === "string" ? [] : [piece.href]));
const shown = (text: string): string => pieces(text).map((piece) => (typeof piece === "string" ? piece : piece.text)).join("");

test("links of the three schemes are found", () => {
  assert.deepEqual(links("see https://a.example/x and http://b.example or mailto:c@d.example"), ["https://a.example/x", "http://b.example/", "mailto:c@d.example"]);
  assert.deepEqual(links("www.a.example and me.too@b.example"), ["https://www.a.example/", "mailto:me.too@b.example"]);
});

test("nothing else is a link", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//a.example", "https://", "a@b", "http//x.example", "xhttps"]) {
    assert.deepEqual(links(text), [], text);
  }
});

test("a link that hides where it leads is none", () => {
  assert.deepEqual(links("https://bank.example@evil.example/"), []);
  assert.deepEqual(links("https://user:word@evil.example/"), []);
});

test("a link ends where a sentence would", () => {
  assert.deepEqual(links("(https://a.example/b_(c)), then https://a.example/d."), ["https://a.example/b_(c)", "https://a.example/d"]);
  assert.deepEqual(links('<https://a.example/>"onmouseover=x'), ["https://a.example/"]);
});

test("every character is shown as it was written", () => {
  for (const text of ["a https://a.example, b", "<img src=x onerror=alert(1)>", "", "two\n\nlines ", "www.a.example!", "x@y.zz https://h@h.example z"]) assert.equal(shown(text), text);
});

test("a long text is cut up in no time", () => {
  const begun = performance.now();
  pieces("a".repeat(4000));
  pieces("a.".repeat(2000) + "@");
  pieces("https://" + "(".repeat(4000));
  assert.ok(performance.now() - begun < 500);
});

test("emoji alone are big", () => {
  for (const text of ["👍", "🎉🎉", "👩‍👩‍👧 ❤️", "🇩🇪", "1️⃣", "👋🏽"]) assert.equal(isBigEmoji(text), true, text);
  for (const text of ["", "ok 👍", "1", "🎉🎉🎉🎉🎉🎉🎉", "#"]) assert.equal(isBigEmoji(text), false, text);
});

test("characters are counted as the server counts them", () => {
  assert.equal(characters("a😀"), 2);
});
