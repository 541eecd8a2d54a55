import assert from "node:assert/strict";
import { test } from "node:test";
import { EmojiData, type Groups } from "../emoji/data.ts";
import { atSpots, spotted, unspotted } from "../markup/spots.ts";
import { candidates, cut, mentionsIn } from "../mentions.ts";
import { answered, askedAt, withEmoji, type Written } from "../writing/asked.ts";

/** A text with its caret at `|`. */
function at(marked: string): Written {
  const caret = marked.indexOf("|");
  return { text: marked.replace("|", ""), caret };
}
const marked = ({ text, caret }: Written): string => `${text.slice(0, caret)}|${text.slice(caret)}`;
const asked = (text: string): string | null => {
  const found = askedAt(at(text));
  return found && `${found.kind} ${found.query}`;
};

test("the word at the caret asks for an emoji or somebody", () => {
  const table: [string, string | null][] = [
    [":sm|", "emoji sm"],
    ["so :thumbs_u| and", "emoji thumbs_u"],
    ["(:+1|", "emoji +1"],
    [":D|", null],
    ["10:30|", null],
    ["https://x|", null],
    [":smile |", null],
    ["@|", "person "],
    ["@Ad|", "person Ad"],
    ["hi @Ada Lo|", "person Ada Lo"],
    ["@Ada |", null],
    ["@عمر|", "person عمر"],
    ["(@a|", "person a"],
    ["a@b|", null],
    ["https://x.example/@a|", null],
    ["@a\nb|", null],
    ["@a b c d e f|", null],
    ["|@a", null],
    ["", null],
  ];
  for (const [text, wanted] of table) assert.equal(asked(text), wanted, text);
  const begun = performance.now();
  askedAt({ text: "@a ".repeat(100_000), caret: 300_000 });
  assert.ok(performance.now() - begun < 50);
});

test("what was chosen stands in its place, with one space behind", () => {
  const choose = (text: string, chosen: string): string => marked(answered(at(text), askedAt(at(text))!, chosen));
  assert.equal(choose("hi @Ad|", "@Ada Lovelace"), "hi @Ada Lovelace |");
  assert.equal(choose("hi @Ad| there", "@Ada"), "hi @Ada |there");
  assert.equal(choose(":smi|!", "😄"), "😄 |!");
});

test("a shortcode that is closed becomes its emoji", () => {
  const emojiOf = (code: string): string | undefined => ({ smile: "😄", "+1": "👍" })[code];
  assert.equal(marked(withEmoji(at("so :smile:| yes"), emojiOf)!), "so 😄| yes");
  assert.equal(marked(withEmoji(at(":+1:|"), emojiOf)!), "👍|");
  for (const text of [":nothing:|", "10:30:|", "smile:|", ":smile: |", "::|"]) assert.equal(withEmoji(at(text), emojiOf), null, text);
});

test("people are found by the beginning of their names' words", () => {
  const people = [["1", "Zoë Ada"], ["2", "ada"], ["3", "Bob"], ["4", "Ada Lovelace"], ["2", "ada"]].map(([user, username]) => ({ user: user!, username: username! }));
  const found = (query: string): string[] => candidates(query, people, 3).map(({ username }) => username);
  assert.deepEqual(found("ad"), ["ada", "Ada Lovelace", "Zoë Ada"]);
  assert.deepEqual(found("zoe"), ["Zoë Ada"]);
  assert.deepEqual(found("ada l"), ["Ada Lovelace"]);
  assert.deepEqual(found("da"), []);
  assert.equal(found("").length, 3);
});

const PEOPLE = [
  { user: "1", username: "Ada" },
  { user: "2", username: "Ada Lovelace" },
  { user: "3", username: "عمر" },
  { user: "4", username: "Bob" },
  { user: "5", username: "Bob" },
];

test("a text mentions whom it names", () => {
  const mentions = (text: string, isForTwo = false): unknown => mentionsIn(text, [], PEOPLE, isForTwo);
  assert.deepEqual(mentions("@Ada Lovelace, @Ada and @عمر!"), { mentions: ["2", "1", "3"] });
  assert.deepEqual(mentions("@Adam a@Ada Ada @ Ada"), {});
  assert.deepEqual(mentions("@Ada @Ada"), { mentions: ["1"] });
  assert.deepEqual(mentions("@Bob"), {});
  assert.deepEqual(mentionsIn("@Bob", [PEOPLE[4]!], PEOPLE, false), { mentions: ["5"] });
  assert.deepEqual(mentions("@everyone"), { mentions_room: true });
  assert.deepEqual(mentions("@everyone", true), {});
  assert.deepEqual(mentions("no @everyoneelse"), {});
});

test("the longest name that fits is meant", () => {
  assert.deepEqual(cut("a @Ada Lovelace b", ["Ada", "Ada Lovelace"]), ["a ", { name: "Ada Lovelace" }, " b"]);
  assert.deepEqual(cut("@Ada's @Ada_", ["Ada"]), [{ name: "Ada" }, "'s @Ada_"]);
  assert.deepEqual(cut("@@Ada@Ada", ["Ada"]), ["@", { name: "Ada" }, "@Ada"]);
});

test("mentions are letters of nobody while marks are looked for", () => {
  const namesOf = (user: string): string[] => ({ 1: ["Ada", "_ada_"], 2: ["Bob"] })[user] ?? [];
  const found = spotted("*hi* @_ada_ and @Bob @Cem", { mentions: ["1", "2"] }, "2", namesOf);
  assert.equal(found.text, "*hi* \uE000 and \uE001 @Cem");
  assert.deepEqual(found.spots, [{ name: "_ada_", isMe: false }, { name: "Bob", isMe: true }]);
  assert.deepEqual(atSpots("a \uE001\uE002", found.spots), ["a ", found.spots[1], "\uE002"]);
  assert.equal(unspotted(found.text, found.spots), "*hi* @_ada_ and @Bob @Cem");
  assert.deepEqual(spotted("@Ada \uE000", { mentions: ["1"] }, "2", namesOf).spots, []);
  assert.deepEqual(spotted("@everyone", {}, "2", namesOf).spots, []);
  assert.deepEqual(spotted("@everyone", { mentions_room: true }, "2", namesOf).spots, [{ name: "everyone", isMe: true }]);
});

test("emoji are found by shortcode, then by other words", async () => {
  const groups: Groups = [[["😄", "smile grinning", "happy joy"], ["😸", "smile_cat", "cat smile"], ["😂", "joy", "tears of joy"]], [["🐈", "cat2", "cat"]]];
  const data = new EmojiData(async () => groups);
  assert.deepEqual(data.find("smile", 9), []);
  await data.need();
  const found = (query: string): string => data.find(query, 9).map(([emoji]) => emoji).join("");
  assert.equal(found("smile"), "😄😸");
  assert.equal(found("joy"), "😂😄");
  assert.equal(found("cat"), "🐈😸");
  assert.equal(found("tears of"), "😂");
  assert.equal(found("nothing"), "");
  assert.equal(data.withCode("Joy"), "😂");
  assert.equal(data.find("a", 2).length, 2);
});

test("emoji that did not come are asked for again", async () => {
  let tries = 0;
  const data = new EmojiData(async () => (tries++ === 0 ? Promise.reject(new Error()) : [[["😄", "smile", ""]]]));
  await data.need();
  assert.equal(data.withCode("smile"), undefined);
  await data.need();
  assert.equal(data.withCode("smile"), "😄");
  await data.need();
  assert.equal(tries, 2);
});
