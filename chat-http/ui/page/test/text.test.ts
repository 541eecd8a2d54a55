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

test("a link ends where the direction is turned", () => {
  assert.deepEqual(links("https://a.example/\u202Emoc.knab"), ["https://a.example/"]);
});

/** The shortest of a few runs: what else the machine does makes it longer, never shorter. */
function cost(text: string): number {
  let best = Infinity;
  for (let run = 0; run < 9; run++) {
    const begun = performance.now();
    pieces(text);
    isBigEmoji(text);
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

test("the time grows with the text and no faster, whatever it is", () => {
  const link = "https://a.example/";
  const parts = [")", "(", "()", ")(", "([{", "}])", ".", "'", "a", "a.", "a@", "@", "ä.", "https://", "mailto:", "www.", `${link} `, `${link})) `, "a@b.cc ", "x@y-", "\u200D😀", "1\uFE0F", "\n", "%41", "/?#"];
  for (const part of parts) {
    for (const before of ["", link, `(${link}`, "a@"]) {
      const text = (size: number): string => before + part.repeat(size / part.length);
      const [short, long] = [cost(text(5_000)), cost(text(40_000))];
      // Eight times the text: 8 times the time if it is linear, 64 times if it is not. Then it would also take seconds.
      assert.ok(long < 24 * short || long < 200, `${before}${part}…: ${short} ms, ${long} ms`);
    }
  }
});

test("the longest message of brackets is cut up in no time", () => {
  const text = "https://a.example/" + ")".repeat(3_980);
  assert.deepEqual(links(text), ["https://a.example/"]);
  // 290 ms when each bracket was compared with all others.
  assert.ok(cost(text) < 100);
});

const text = (written: string): string => pieces(written).map((piece) => (typeof piece === "string" ? piece : `<${piece.text}>`)).join("");

test("a host in one script is shown as it was written", () => {
  for (const link of ["https://münchen.example/ü", "https://правда.рф", "https://президент.example/", "https://例え.テスト", "https://中文.example", "https://한국.example", "https://παράδειγμα.example", "https://مثال.example", "http://A.Example:80/x", "www.bücher.example/x"]) {
    assert.equal(text(link), `<${link}>`);
  }
});

test("a host that may pass for another is shown as the network knows it", () => {
  assert.equal(text("https://pаypal.example/x"), "<https://xn--pypal-4ve.example/x>");
  assert.equal(text("https://аррӏе.com"), "<https://xn--80ak6aa92e.com>");
  assert.equal(text("www.gооgle.com:8080/?q"), "<www.xn--ggle-55da.com:8080/?q>");
  assert.equal(text("mailto:me@аррӏе.com"), "<mailto:me@xn--80ak6aa92e.com>");
  assert.equal(text("https://ｇoogle.com/"), "<https://google.com/>");
  assert.equal(text("https://goo\u00ADgle.com/"), "<https://google.com/>");
  assert.equal(text("https://a。example/"), "<https://a.example/>");
  assert.equal(text("https://aλ.example/"), "<https://xn--a-kmb.example/>");
});

test("a host that no name can have is no link", () => {
  assert.deepEqual(links(`https://${"a".repeat(254)}/`), []);
  assert.deepEqual(links(`https://${"a.".repeat(120)}b/`).length, 1);
});

test("emoji alone are big", () => {
  for (const text of ["👍", "🎉🎉", "👩‍👩‍👧 ❤️", "🇩🇪", "1️⃣", "👋🏽"]) assert.equal(isBigEmoji(text), true, text);
  for (const text of ["", "ok 👍", "1", "🎉🎉🎉🎉🎉🎉🎉", "#"]) assert.equal(isBigEmoji(text), false, text);
});

test("characters are counted as the server counts them", () => {
  assert.equal(characters("a😀"), 2);
});
