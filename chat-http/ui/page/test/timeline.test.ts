import assert from "node:assert/strict";
import { test } from "node:test";
import type { History, Message } from "../api.ts";
import { look, Timeline } from "../timeline.ts";

const START = Date.UTC(2026, 10, 22, 12);
const message = (seq: number, user = "Ada", minutes = seq): Message => ({
  type: "message", room: 1, id: seq, seq, user, username: user, content: `m${seq}`, timestamp: new Date(START + minutes * 60_000).toISOString(),
});
const page = (from: number, to: number, head = to, epoch = "e"): History => {
  const messages = [];
  for (let seq = from; seq <= to; seq++) messages.push(message(seq));
  return { messages, head, epoch, has_before: from > 1, has_after: to < head };
};
const seqs = (timeline: Timeline): number[] => timeline.items.map(({ seq }) => seq);

test("each message is there once and in order, however it comes", () => {
  const timeline = new Timeline();
  timeline.replace(page(11, 20));
  timeline.add(message(21), true);
  timeline.add(message(22), true);
  timeline.add(message(21), true);
  timeline.add(message(15), true);
  timeline.prepend(page(1, 10, 22));
  assert.deepEqual(seqs(timeline), Array.from({ length: 22 }, (_, index) => index + 1));
  assert.equal(timeline.hasBefore, false);
});

test("what lies before the loaded stretch waits for its page", () => {
  const timeline = new Timeline();
  timeline.replace(page(11, 20));
  timeline.add(message(3), true);
  assert.equal(timeline.oldest, 11);
});

test("a newer page that meets what is loaded is added to it", () => {
  const timeline = new Timeline();
  timeline.replace(page(1, 20));
  timeline.replace(page(15, 30));
  assert.equal(timeline.items.length, 30);
});

test("after a gap only the newest page stays, and what came live meanwhile", () => {
  const timeline = new Timeline();
  timeline.replace(page(1, 20));
  timeline.add(message(900), true);
  assert.equal(timeline.newest, 20, "a hole is never shown");
  timeline.replace(page(801, 899));
  assert.equal(timeline.oldest, 801);
  assert.equal(timeline.newest, 900);
  assert.equal(timeline.hasBefore, true);
});

test("what is no message has its number, too", () => {
  const timeline = new Timeline();
  timeline.replace({ ...page(1, 20), head: 22 });
  timeline.pass(23);
  timeline.add(message(24), true);
  timeline.addNotice(25, "Ada renamed the room", START);
  timeline.add(message(27), true);
  assert.deepEqual(timeline.items.slice(-3).map(({ seq }) => seq), [20, 24, 25]);
  assert.equal(timeline.end, 25);
});

test("another epoch is another history", () => {
  const timeline = new Timeline();
  timeline.replace(page(1, 20));
  timeline.replace(page(1, 5, 5, "other"));
  assert.deepEqual(seqs(timeline), [1, 2, 3, 4, 5]);
});

test("rows say what stands above them", () => {
  const timeline = new Timeline();
  timeline.replace({ ...page(1, 0), has_before: false });
  for (const each of [message(1, "Ada", 0), message(2, "Ada", 1), message(3, "Bob", 2), message(4, "Bob", 60), message(5, "Bob", 24 * 60)]) timeline.add(each, false);
  const looks = timeline.items.map((item, at) => look(item, timeline.items[at - 1], timeline.items[at + 1], 3));
  assert.deepEqual(looks.map(({ head }) => head), [true, false, true, true, true]);
  assert.deepEqual(looks.map(({ day }) => day), [true, false, false, false, true]);
  assert.deepEqual(looks.map(({ unread }) => unread), [false, false, false, true, false]);
  assert.deepEqual(looks.map(({ tail }) => tail), [false, true, true, true, true]);
});

test("an edit and a deletion change their row, wherever it is", () => {
  const timeline = new Timeline();
  timeline.replace(page(1, 3));
  timeline.add(message(9), true);
  const [row] = timeline.items;
  timeline.edit(1, "new");
  timeline.remove(2);
  timeline.edit(2, "too late");
  timeline.edit(9, "late");
  timeline.edit(77, "not here");
  assert.notEqual(timeline.items[0], row, "it is drawn again");
  timeline.replace({ ...page(3, 8), has_before: true });
  assert.deepEqual(timeline.items.map(({ text, deleted }) => (deleted ? "gone" : text)), ["new", "gone", ...[3, 4, 5, 6, 7, 8].map((seq) => `m${seq}`), "late"]);
});

test("a newer page says what its messages are now, an older one does not", () => {
  const timeline = new Timeline();
  timeline.replace(page(1, 3));
  const changed = page(2, 4);
  changed.messages[0] = { ...message(2), content: "", deleted: { seq: 4, timestamp: "", user: "Ada", username: "Ada" } } as Message;
  changed.messages[1] = { ...message(3), content: "new" };
  timeline.replace(changed);
  timeline.replace(page(1, 3));
  assert.deepEqual(timeline.items.map(({ text, deleted }) => (deleted ? "gone" : text)), ["m1", "gone", "new", "m4"]);
});

test("pages behind a stretch in the middle lead to the end, and to what was heard meanwhile", () => {
  const timeline = new Timeline();
  timeline.reset(page(101, 200, 300));
  assert.equal(timeline.hasAfter, true);
  timeline.add(message(301), true);
  timeline.pass(302);
  timeline.add(message(303), true);
  timeline.edit(303, "edited");
  assert.equal(timeline.newest, 200, "a hole is never shown");
  timeline.append(page(201, 250, 303));
  assert.equal(timeline.hasAfter, true);
  timeline.append({ ...page(251, 300), head: 300 });
  assert.equal(timeline.hasAfter, false);
  assert.deepEqual(seqs(timeline).slice(-3), [300, 301, 303]);
  assert.equal(timeline.items.at(-1)?.text, "edited");
  assert.equal(timeline.end, 303);
  timeline.add(message(304), true);
  assert.equal(timeline.newest, 304);
});

test("of a flood beyond a hole only so much is kept, and the rest comes with its page", () => {
  const timeline = new Timeline();
  timeline.reset(page(1, 100, 200));
  for (let seq = 201; seq <= 1_400; seq++) timeline.add(message(seq), true);
  timeline.append(page(101, 200));
  assert.equal(timeline.hasAfter, true, "what was let go is missing");
  timeline.append(page(201, 1_350, 1_400));
  timeline.append(page(1_351, 1_400));
  assert.equal(timeline.hasAfter, false);
  assert.deepEqual(seqs(timeline), Array.from({ length: 1_400 }, (_, index) => index + 1));
});
