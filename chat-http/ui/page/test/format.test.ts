import assert from "node:assert/strict";
import { test } from "node:test";
import { day, naturally, refusal, typing } from "../format.ts";

test("up to three names, then a count", () => {
  assert.equal(typing([]), "");
  assert.equal(typing(["Ann"]), "Ann is typing");
  assert.equal(typing(["Ann", "Bob"]), "Ann and Bob are typing");
  assert.equal(typing(["Ann", "Bob", "Cem"]), "Ann, Bob and Cem are typing");
  assert.equal(typing(["Ann", "Bob", "Cem", "Dee"]), "Ann, Bob and 2 others are typing");
  assert.equal(typing(["Ann", "Bob", "Cem", "Dee", "Eve"], 995), "Ann, Bob and 998 others are typing");
  assert.equal(typing(["Ann"], 1), "Ann and 1 other are typing");
  assert.equal(typing([], 2), "2 others are typing");
});

test("names are in the order that people expect", () => {
  const names = ["room 10", "Zoe", "room 2", "äpfel", "Äpfel 1", "apfel", "Ωmega", "日本", "room 1", "Ärger", "banana", "Room 3"];
  assert.deepEqual(names.sort(naturally), ["apfel", "äpfel", "Äpfel 1", "Ärger", "banana", "room 1", "room 2", "Room 3", "room 10", "Zoe", "Ωmega", "日本"]);
});

test("days are named as people name them", () => {
  const now = new Date(2026, 10, 22, 9).getTime();
  assert.equal(day(new Date(2026, 10, 22, 0, 1).getTime(), now), "Today");
  assert.equal(day(new Date(2026, 10, 21, 23).getTime(), now), "Yesterday");
  assert.equal(day(new Date(2026, 10, 18).getTime(), now), "Wednesday");
  assert.match(day(new Date(2025, 0, 3).getTime(), now), /2025/);
});

test("who keeps the members elsewhere is told so", () => {
  assert.match(refusal("members_elsewhere"), /the app that this chat belongs to/);
  assert.notEqual(refusal("members_elsewhere"), refusal("internal"));
});
