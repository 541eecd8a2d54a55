import assert from "node:assert/strict";
import { test } from "node:test";
import { readersUnder, Receipts } from "../messages/receipts.ts";
import type { Item, Timeline } from "../timeline.ts";

const item = (seq: number, user: string, more: Partial<Item> = {}) => ({ kind: "message", user, seq, deleted: false, ...more }) as Item;
const mark = (user: string, seq: number) => ({ user, username: user, seq });
const ITEMS = [item(2, "Me"), item(4, "Bob"), item(6, "Me"), item(8, "Me", { deleted: true }), item(9, "Me", { kind: "notice" }), item(10, "Bob"), item(12, "Me")];
const under = (marks: [string, number][], end = Infinity) =>
  [...readersUnder(ITEMS, marks.map(([user, seq]) => mark(user, seq)), "Me", end)].map(([seq, readers]) => [seq, readers.map(({ user }) => user).join(" ")]);

test("each stands under the newest of one's own messages that they have read", () => {
  assert.deepEqual(under([["Bob", 1]]), []);
  assert.deepEqual(under([["Bob", 2], ["Cleo", 5], ["Dan", 6], ["Eve", 11]]), [[6, "Dan Eve"], [2, "Bob Cleo"]]);
  assert.deepEqual(under([["Fay", 12], ["Bob", 99]]), [[12, "Bob Fay"]]);
});

test("what lies beyond the loaded messages says nothing of them", () => {
  assert.deepEqual(under([["Bob", 12], ["Cleo", 13]], 12), [[12, "Bob"]]);
  assert.deepEqual([...readersUnder([], [mark("Bob", 3)], "Me", 12)], []);
});

test("a row whose readers have not changed has the same ones", () => {
  const receipts = new Receipts("Me");
  const timeline = { items: ITEMS, end: 12, hasAfter: false } as Timeline;
  receipts.know([mark("Bob", 3), mark("Cleo", 6), mark("Me", 12)]);
  const first = receipts.over(timeline);
  receipts.know([mark("Cleo", 12), mark("Bob", 1)]);
  const second = receipts.over(timeline);
  assert.equal(second.get(2), first.get(2));
  assert.deepEqual([...second.keys()], [12, 2]);
  assert.deepEqual(receipts.of(4).map(({ user }) => user), ["Cleo"]);
});
