import assert from "node:assert/strict";
import { test } from "node:test";
import { beginning } from "../markup/long.ts";
import { Markup } from "../markup/markup.ts";
import { parse } from "../markup/parse.ts";
import { LONGEST, mayHaveMarks, withoutMarks, type Node } from "../markup/tree.ts";
import { namedLink } from "../text.ts";

/** A tree in short: `strong(a)`, `quote(a|em(b))`, `list(1 a, 3 b)`. */
function short(nodes: readonly Node[] | null): string {
  if (nodes === null) return "null";
  return nodes
    .map((node) => {
      if (typeof node === "string") return node;
      if ("text" in node) return `${node.kind}(${node.text})`;
      if (node.kind === "list") return `${node.ordered ? "numbered" : "list"}(${node.items.map(({ value, children }) => (node.ordered ? `${value} ` : "") + short(children)).join(", ")})`;
      return `${node.kind}(${short(node.children)}${node.kind === "link" ? ` → ${node.url}` : ""})`;
    })
    .join("|");
}

test("each mark is found", () => {
  const table: [string, string][] = [
    ["**a** b", "strong(a)| b"],
    ["*a*, _b_", "em(a)|, |em(b)"],
    ["~~a~~", "del(a)"],
    ["***a***", "em(strong(a))"],
    ["`a * b`", "code(a * b)"],
    ["```js\na\n  b\n```\nc", "block(a\n  b)|c"],
    ["```\nnot closed", "block(not closed)"],
    ["> a\n> *b*", "quote(a\n|em(b))"],
    ["> a\n> > b", "quote(a|quote(b))"],
    ["- a\n- b", "list(a, b)"],
    ["a\n* b\n* c\n\nd", "a|list(b, c)|\nd"],
    ["1. a\n2. b\n   - c", "numbered(1 a, 2 b|list(c))"],
    ["[a *b*](https://x.example/y_z)", "link(a |em(b) → https://x.example/y_z)"],
  ];
  for (const [text, tree] of table) assert.equal(short(parse(text)), tree, text);
});

test("what is no mark is text, as it was written", () => {
  const texts = [
    ...["# a", "a\n===", "a\n---", "---", "* * *", "![a](https://x.example/y)", "<b>a</b> <!-- b -->", "<https://x.example/>", "&amp; &#60;"],
    ...["| a | b |\n|---|---|\n| 1 | 2 |", "[a]: https://x.example\n[a] [a][a]", "    four spaces", "\tone\n\ttab", "  a\n    b  \nc \n\n\nd\\\ne"],
    ...["¯\\_(ツ)_/¯", "\\*a\\*", "C:\\_a\\_b", "snake_case_name", "__init__.py", "~5 or ~6", "2 * 3 * 4", ">:( >.<", ">_>", "-", "1.", "+", "*", "5-3", "-5", "a_b@x.example", "https://x.example/*a*/_b_", "www.x.example/_a_"],
  ];
  for (const text of texts) assert.equal(short(parse(text)), text, text);
});

test("an answer right below a quote is not quoted, and the line behind a list is not in it", () => {
  assert.equal(short(parse("> a\nb\n> c\nd")), "quote(a)|b|quote(c)|d");
  assert.equal(short(parse("- a\nb")), "list(a)|b");
  assert.equal(short(parse("> - a\nb")), "quote(list(a))|b");
});

test("a numbered list keeps its numbers", () => {
  assert.equal(short(parse("3. a\n7. b")), "numbered(3 a, 7 b)");
});

test("without marks a text is what it says", () => {
  assert.equal(withoutMarks(parse("**a** [b](https://x.example) `c`\n> d\ne") ?? []), "a b c\nd\ne");
  assert.equal(withoutMarks(parse("a\n- b\n- *c*\n  1. d\n\ne\n```\nf\n```") ?? []), "a\nb\nc\nd\n\ne\nf");
});

test("texts without marks need no parser", () => {
  for (const text of ["a", "Hello, world!", "it's 5 - 3 = 2", "a@x.example", "https://x.example/a", "#1", "$5 (about)"]) assert.equal(mayHaveMarks(text), false, text);
  for (const text of ["*a*", "_", "a\n- b", "1. a", "> a", "~~a~~", "`a`", "[a](b)"]) assert.equal(mayHaveMarks(text), true, text);
  assert.equal(mayHaveMarks("*".repeat(LONGEST + 1)), false);
});

test("no text takes long, or too deep", () => {
  const parts = ["*", "_", "**", "*_", "`", "~~", "[", "]", "![", "[](", "[a](b)", ">", "> ", "- ", "* ", "1. ", "- a\n", "* a\n\n", "- - - a\n", "> a\n", "*a ", "a* ", "*a*", "*[", "a  \n", "\\", "```\n", "<", "&a;", "a@b.c ", "www.", "https://", "\n", "\t", "\0"];
  const texts = parts.flatMap((part) => ["", "[".repeat(150), "*a ".repeat(150), "> "].map((before) => before + part.repeat(4_000 / part.length)));
  texts.push(Array.from({ length: 80 }, (_, depth) => `${"  ".repeat(depth)}- a`).join("\n"));
  parse("*a*");
  for (const text of texts) assert.ok(cost(text) < 100, `${text.slice(0, 20)}…${text.slice(-20)}: ${cost(text)} ms`);
  assert.equal(parse(">".repeat(4_000)), null);
  assert.equal(parse("*_".repeat(2_000)), null);
});

/** The shortest of a few runs: what else the machine does makes it longer. */
function cost(text: string): number {
  let best = Infinity;
  for (let run = 0; run < 8 && best > 40; run += 1) {
    const begun = performance.now();
    parse(text);
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

test("code is not counted as marks", () => {
  const code = `\`\`\`\n${"a[0] = *b;\n".repeat(200)}\`\`\``;
  assert.equal(parse(code)?.length, 1);
});

test("a link with words of its own leads where it says", () => {
  assert.deepEqual(namedLink("here", "https://x.example/a"), { href: "https://x.example/a", host: "x.example" });
  assert.deepEqual(namedLink("x.example and https://x.example", "http://x.example"), { href: "http://x.example/", host: "x.example" });
  assert.deepEqual(namedLink("mail me", "mailto:a@x.example"), { href: "mailto:a@x.example", host: "a@x.example" });
  for (const url of ["javascript:run(1)", "data:text/html,a", "//x.example", "x.example", "/a", "#a", "https://a@x.example", "https://x.example/\u202Ea", ""]) assert.equal(namedLink("here", url), null, url);
  for (const said of ["https://bank.example", "go to www.bank.example now", "me@bank.example"]) assert.equal(namedLink(said, "https://x.example"), null, said);
});

test("texts are plain until the parser is there, and looked at once", async () => {
  let asked = 0;
  const looked: string[] = [];
  const markup = new Markup(async () => (asked++, { parse: (text: string) => (looked.push(text), parse(text)) }));
  assert.equal(markup.of("plain"), null);
  assert.equal(asked, 0);
  const loaded = new Promise<void>((resolve) => markup.watch(resolve));
  assert.equal(markup.of("*a*"), null);
  markup.of("*b*");
  await loaded;
  assert.equal(asked, 1);
  assert.equal(short(markup.of("*a*")), "em(a)");
  assert.equal(markup.of("*a*"), markup.of("*a*"));
  assert.equal(markup.of("a *"), null);
  assert.deepEqual(looked, ["*a*", "a *"]);
  for (let at = 0; at < 1_000; at++) markup.of(`*${at}*`);
  markup.of("*a*");
  assert.equal(looked.length, 1_003);
});

test("a parser that does not come, or fails, leaves texts plain", async () => {
  const away = new Markup(() => Promise.reject(new Error()));
  assert.equal(away.of("*a*"), null);
  await Promise.resolve();
  assert.equal(away.of("*a*"), null);
  const broken = new Markup(async () => ({ parse: () => assert.fail() }));
  const loaded = new Promise<void>((resolve) => broken.watch(resolve));
  broken.of("*a*");
  await loaded;
  assert.equal(broken.of("*a*"), null);
});

test("long texts begin with whole words and lines", () => {
  assert.equal(beginning("a\n".repeat(19)), null);
  assert.equal(beginning("a".repeat(1_500)), null);
  assert.equal(beginning("a\n".repeat(40)), "a\n".repeat(12).trimEnd());
  assert.equal(beginning("word ".repeat(400)), "word ".repeat(200).trimEnd());
  assert.equal(beginning("a".repeat(2_000)), "a".repeat(1_000));
  assert.equal(beginning(`a${"😀".repeat(1_000)}`), `a${"😀".repeat(499)}`);
});
