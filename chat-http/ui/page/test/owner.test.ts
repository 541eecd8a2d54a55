/** Whose it is what the browser keeps, where there are several chats. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Drafts } from "../drafts.ts";
import { Favourites } from "../favourites.ts";
import { storedLetters, storeLetter, type Letter } from "../letters.ts";
import { ownerOf, takeOver } from "../owner.ts";

const ORIGIN = "https://host.example";
const [root, below, other] = [`${ORIGIN}/`, `${ORIGIN}/team/`, "https://chat.example/"].map((base) => new URL(base)) as [URL, URL, URL];
const letter: Letter = { key: "0198c0de-0000-7000-8000-000000000000", room: 7, text: "Hello", fields: {}, at: 1_700_000_000_000, tab: null };

beforeEach(() => {
  const items: Record<string, string> = {};
  const methods = { getItem: (key: string) => items[key] ?? null, setItem: (key: string, text: string) => void (items[key] = text), removeItem: (key: string) => void delete items[key] };
  const localStorage = new Proxy(items, { get: (_, name) => methods[name as keyof typeof methods] });
  Object.assign(globalThis, { localStorage, location: new URL(ORIGIN), addEventListener: () => {} });
});

test("what is written in one chat is nothing of another's, whoever goes by the same name there", () => {
  storeLetter(ownerOf(root, "Ada"), letter);
  new Drafts(ownerOf(root, "Ada")).set("7", "Hel");
  new Favourites(ownerOf(root, "Ada")).set(7, true);
  for (const base of [below, other]) {
    const owner = ownerOf(base, "Ada");
    assert.deepEqual([storedLetters(owner), new Drafts(owner).of("7"), new Favourites(owner).has(7)], [[], "", false], base.href);
  }
  assert.deepEqual(storedLetters(ownerOf(root, "Ada")), [letter]);
});

test("what an earlier version has kept is taken over, once", () => {
  localStorage.setItem(`chat.outbox.guest:A. B.${letter.key}`, JSON.stringify(letter));
  localStorage.setItem("chat.draft.guest:A. B.7/12", JSON.stringify("Hel"));
  localStorage.setItem("chat.favourites.guest:A. B", "[7]");
  localStorage.setItem("chat.favourites.damaged", "{");
  localStorage.setItem("chat.theme", JSON.stringify("dark"));
  takeOver(below);
  const owner = ownerOf(below, "guest:A. B");
  assert.deepEqual([storedLetters(owner), new Drafts(owner).of("7/12"), new Favourites(owner).has(7)], [[letter], "Hel", true]);
  assert.deepEqual(Object.keys(localStorage).filter((key) => key.startsWith("chat.")), ["chat.theme"]);
  takeOver(root);
  assert.deepEqual(storedLetters(ownerOf(root, "guest:A. B")), []);
});
