/** What the quick switcher offers, and in which order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "../api.ts";
import { choices } from "../choices.ts";

const room = (id: number, name: string, more: Partial<Room> = {}): Room => ({ id, name, topic: "", created_at: "", head: 0, last_message_at: null, online: 0, kind: "public", owned: true, invites: "members", members: 2, ...more });
const names = (query: string, rooms: Room[], people: { user: string; username: string }[] = []) => choices(query, rooms, people).map((each) => (each.kind === "room" ? each.room.name || each.room.peer?.username : each.person.username));
const ROOMS = [room(1, "Out of office"), room(2, "Coffee"), room(3, "office"), room(4, "Café Österreich")];

test("names that begin with it are first, then words, then the rest", () => {
  assert.deepEqual(names("of", ROOMS), ["office", "Out of office", "Coffee"]);
  assert.deepEqual(names("OSTER", ROOMS), ["Café Österreich"]);
  assert.deepEqual(names("", ROOMS), ["Out of office", "Coffee", "office", "Café Österreich"]);
  assert.deepEqual(names("nowhere", ROOMS), []);
});

test("people are found, and by the room of two where there is one", () => {
  const bob = { user: "b", username: "Bob" };
  assert.deepEqual(choices("bo", ROOMS, [bob]).map(({ id }) => id), ["person b"]);
  const direct = room(5, "", { kind: "direct", owned: false, peer: bob });
  assert.deepEqual(choices("bo", [...ROOMS, direct], [bob]).map(({ id }) => id), ["room 5"]);
});

test("a room that is known twice is offered once, and no more than fit", () => {
  assert.deepEqual(names("coffee", [...ROOMS, ...ROOMS]), ["Coffee"]);
  assert.equal(names("", Array.from({ length: 50 }, (_, id) => room(id, `room ${id}`))).length, 12);
});
