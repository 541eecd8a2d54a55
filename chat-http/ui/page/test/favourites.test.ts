/** Which rooms stand first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "../api.ts";
import { Favourites, inParts } from "../favourites.ts";

/** A storage as the browser has it. */
function storage(): Map<string, string> {
  const items = new Map<string, string>();
  (globalThis as { localStorage?: unknown }).localStorage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, text: string) => items.set(key, text),
    removeItem: (key: string) => items.delete(key),
  };
  return items;
}

test("favourites are kept for each user", () => {
  const items = storage();
  const ada = new Favourites("ada");
  for (const room of [3, 1]) ada.set(room, true);
  ada.set(3, false);
  ada.set(3, false);
  assert.deepEqual([1, 3].map((room) => new Favourites("ada").has(room)), [true, false]);
  assert.equal(new Favourites("bob").has(1), false);
  ada.set(1, false);
  assert.equal(items.size, 0);
});

test("what is stored and is no list of rooms is none", () => {
  const items = storage();
  for (const text of ["{", "7", "null", '{"1":true}', '["1", null, 2.5]']) {
    items.set("ada favourites", text);
    assert.equal(new Favourites("ada").has(1), false, text);
  }
});

test("favourites come first, then one's own, then the others, each in its order", () => {
  const rooms = [1, 2, 3, 4, 5].map((id) => ({ id }) as Room);
  const sorted = inParts(rooms, ({ id }) => (id === 4 ? "favourites" : id % 2 === 0 ? "yours" : "browse"));
  assert.deepEqual(sorted.map(({ id }) => id), [4, 2, 1, 3, 5]);
});
