/** What is kept of rooms for the next visit, with a store that is a map. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "../api.ts";
import { readList, readRoom, tooMany, writtenList, writtenRoom, type KeptRoom } from "../kept/form.ts";
import { Kept } from "../kept/kept.ts";
import type { Store } from "../kept/store.ts";
import { Timeline } from "../timeline.ts";

class FakeStore implements Store {
  owner = "";
  texts = new Map<string, string>();
  writes = 0;
  async open(user: string): Promise<Map<string, string>> {
    if (user !== this.owner) this.texts.clear();
    this.owner = user;
    return new Map(this.texts);
  }
  async write(user: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    this.writes += 1;
    if (user !== this.owner) return;
    for (const [key, text] of changes) text === null ? this.texts.delete(key) : this.texts.set(key, text);
  }
  async clear(): Promise<void> {
    this.owner = "";
    this.texts.clear();
  }
}

const info = (id: number, more: Partial<Room> = {}): Room => ({ id, name: `room ${id}`, topic: "", created_at: "2026-01-01T00:00:00Z", head: 1, last_message_at: null, online: 0, kind: "public", owned: true, invites: "members", members: 2, ...more });

/** A room with so many messages, each of so many letters. */
function room(id: number, count: number, letters = 5): KeptRoom {
  const timeline = new Timeline(id, "ada");
  const messages = Array.from({ length: count }, (_, index) => ({ room: id, seq: index + 1, user: "bob", username: "Bob", content: String(index + 1).padEnd(letters, "x"), timestamp: "2026-01-01T00:00:00Z" }));
  timeline.reset({ epoch: "e", head: count, messages, has_before: false, has_after: false } as unknown as Parameters<Timeline["reset"]>[0]);
  return { info: info(id), timeline };
}

const seqs = ({ timeline }: KeptRoom): number[] => timeline.items.map(({ seq }) => seq);

test("a room is what it was, as far as its newest messages go", () => {
  const short = readRoom(writtenRoom(room(1, 3), 0), "ada") as KeptRoom;
  assert.deepEqual([seqs(short), short.timeline.hasBefore, short.timeline.end, short.info], [[1, 2, 3], false, 3, info(1)]);
  const long = readRoom(writtenRoom(room(1, 250), 0), "ada") as KeptRoom;
  assert.deepEqual([seqs(long).length, seqs(long)[0], seqs(long).at(-1), long.timeline.hasBefore], [100, 151, 250, true]);
  const wide = writtenRoom(room(1, 100, 10_000), 0);
  assert.ok(wide.length < 210_000, `${wide.length}`);
  assert.equal((readRoom(wide, "ada") as KeptRoom).timeline.newest, 100);
});

test("lines that are no messages are not kept", () => {
  const kept = room(1, 2);
  kept.timeline.addNotice(3, "Bob joined", 0);
  assert.deepEqual(seqs(readRoom(writtenRoom(kept, 0), "ada") as KeptRoom), [1, 2]);
});

test("what is damaged, or was written in another form, is nothing", () => {
  const whole = JSON.parse(writtenRoom(room(1, 2), 0));
  const { page } = whole;
  const [first, second] = page.messages;
  const damaged = ["", "{", "null", "[]", "7", { ...whole, info: null }, { ...whole, info: { id: 1 } }, ...[{ messages: 5 }, { messages: [null] }, { head: "2" }, { epoch: undefined }, { messages: [second, first] }, { messages: [{ ...first, content: { html: "<b>" } }] }, { messages: [{ ...first, timestamp: "then" }] }].map((wrong) => ({ ...whole, page: { ...page, ...wrong } }))];
  for (const each of damaged) assert.equal(readRoom(typeof each === "string" ? each : JSON.stringify(each), "ada"), null, JSON.stringify(each));
  const odd = { ...page, messages: [{ ...first, reactions: [7], edited: "then", pinned: "yes", mentions: ["bob"], html: "<b>" }, second] };
  const [kept] = (readRoom(JSON.stringify({ ...whole, page: odd }), "ada") as KeptRoom).timeline.items;
  assert.deepEqual(kept?.stored, { type: "message", ...first, mentions: ["bob"] }, "what else a message has is left out if it cannot be");
  for (const text of ["{", "null", "[]", '{"rooms":7,"own":"1"}']) assert.deepEqual(readList(text), { rooms: [], own: [] });
  assert.deepEqual(readList(JSON.stringify({ rooms: [info(1), null, { id: "2" }, info(3)], own: [1, "3"] })), { rooms: [info(1), info(3)], own: [1] });
  assert.deepEqual(readList(writtenList({ rooms: [info(1)], own: [1] })), { rooms: [info(1)], own: [1] });
});

test("of many or long rooms, those that were written last stay", () => {
  const rooms = new Map(Array.from({ length: 25 }, (_, id) => [id, { at: id, length: 10 }] as const));
  assert.deepEqual(tooMany(rooms), [4, 3, 2, 1, 0]);
  assert.deepEqual(tooMany(new Map([[1, { at: 2, length: 1_500_000 }], [2, { at: 1, length: 1_500_000 }]])), [2]);
});

test("the next visit finds what was kept, and somebody else does not", async () => {
  const store = new FakeStore();
  const ada = new Kept(store, "ada");
  await ada.ready;
  ada.note(1, () => room(1, 2));
  ada.noteList(() => ({ rooms: [info(1), info(2)], own: [2] }));
  await ada.write();
  assert.equal(store.writes, 1);
  const again = new Kept(store, "ada");
  await again.ready;
  assert.deepEqual(seqs(again.of(1) as KeptRoom), [1, 2]);
  assert.deepEqual(again.list, { rooms: [info(1), info(2)], own: [2] });
  const bob = new Kept(store, "bob");
  await bob.ready;
  assert.equal(bob.of(1), undefined);
  assert.deepEqual([...store.texts], []);
  // A page of hers that is still open writes nothing of hers to his.
  ada.note(1, () => room(1, 2));
  await ada.write();
  assert.deepEqual([...store.texts], []);
});

test("a flood is one write, of what the room is then", async () => {
  const store = new FakeStore();
  const kept = new Kept(store, "ada");
  await kept.ready;
  let count = 0;
  for (; count < 1_000; count++) kept.note(1, () => room(1, count));
  await kept.write();
  await kept.write();
  assert.equal(store.writes, 1);
  assert.equal((readRoom(store.texts.get("room 1") as string, "ada") as KeptRoom).timeline.newest, 1_000);
});

test("a room that one is not in any more is forgotten, whatever it still says of itself", async () => {
  const store = new FakeStore();
  const kept = new Kept(store, "ada");
  await kept.ready;
  for (const id of [1, 2, 3]) kept.note(id, () => room(id, 2));
  await kept.write();
  kept.forget(1);
  kept.note(1, () => null);
  kept.retain((id) => id !== 2);
  assert.equal(kept.of(2), undefined);
  await kept.write();
  assert.deepEqual([...store.texts.keys()], ["room 3"]);
});

test("without a store, rooms are kept as long as the page lives", async () => {
  const kept = new Kept(null, "ada");
  await kept.ready;
  for (let id = 1; id <= 21; id++) kept.keep(room(id, 1));
  assert.equal(kept.of(1), undefined);
  assert.equal(kept.of(21)?.info.id, 21);
});
