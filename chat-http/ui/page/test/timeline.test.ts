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
const by = (seq: number, target: number) => ({ room: 1, seq, user: "Ada", username: "Ada", timestamp: new Date(START).toISOString(), target });
const edited = (seq: number, target: number, content: string) => ({ type: "message_edited" as const, ...by(seq, target), content });
const deleted = (seq: number, target: number) => ({ type: "message_deleted" as const, ...by(seq, target) });
const reaction = (seq: number, target: number, reaction: string, count: number) => ({ type: "reaction" as const, ...by(seq, target), reaction, added: true, count });
const answer = (seq: number, thread: number) => ({ ...message(seq), thread, thread_ordinal: 1 });
const shown = (timeline: Timeline): string[] => timeline.items.map(({ text, deleted }) => (deleted ? "gone" : text));
const seqs = (timeline: Timeline): number[] => timeline.items.map(({ seq }) => seq);

test("each message is there once and in order, however it comes", () => {
  const timeline = new Timeline(1, "Me");
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
  const timeline = new Timeline(1, "Me");
  timeline.replace(page(11, 20));
  timeline.add(message(3), true);
  assert.equal(timeline.oldest, 11);
});

test("a newer page that meets what is loaded is added to it", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace(page(1, 20));
  timeline.replace(page(15, 30));
  assert.equal(timeline.items.length, 30);
});

test("after a gap only the newest page stays, and what came live meanwhile", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace(page(1, 20));
  timeline.add(message(900), true);
  assert.equal(timeline.newest, 20, "a hole is never shown");
  timeline.replace(page(801, 899));
  assert.equal(timeline.oldest, 801);
  assert.equal(timeline.newest, 900);
  assert.equal(timeline.hasBefore, true);
});

test("what is no message has its number, too", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace({ ...page(1, 20), head: 22 });
  timeline.pass(23);
  timeline.add(message(24), true);
  timeline.addNotice(25, "Ada renamed the room", START);
  timeline.add(message(27), true);
  assert.deepEqual(timeline.items.slice(-3).map(({ seq }) => seq), [20, 24, 25]);
  assert.equal(timeline.end, 25);
});

test("another epoch is another history", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace(page(1, 20));
  timeline.replace(page(1, 5, 5, "other"));
  assert.deepEqual(seqs(timeline), [1, 2, 3, 4, 5]);
});

test("rows say what stands above them", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace({ ...page(1, 0), has_before: false });
  for (const each of [message(1, "Ada", 0), message(2, "Ada", 1), message(3, "Bob", 2), message(4, "Bob", 60), message(5, "Bob", 24 * 60)]) timeline.add(each, false);
  const looks = timeline.items.map((item, at) => look(item, timeline.items[at - 1], timeline.items[at + 1], 3));
  assert.deepEqual(looks.map(({ head }) => head), [true, false, true, true, true]);
  assert.deepEqual(looks.map(({ day }) => day), [true, false, false, false, true]);
  assert.deepEqual(looks.map(({ unread }) => unread), [false, false, false, true, false]);
  assert.deepEqual(looks.map(({ tail }) => tail), [false, true, true, true, true]);
});

test("an edit and a deletion change their row, wherever it is", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace(page(1, 3));
  const [row] = timeline.items;
  timeline.apply(edited(4, 1, "new"));
  timeline.apply(deleted(5, 2));
  timeline.apply(edited(6, 2, "too late"));
  timeline.apply(edited(7, 77, "not here"));
  timeline.add(message(9), true);
  timeline.apply(edited(10, 9, "late"));
  assert.notEqual(timeline.items[0], row, "it is drawn again");
  timeline.replace({ ...page(8, 8), has_before: true });
  assert.deepEqual(shown(timeline), ["new", "gone", "m3", "m8", "late"]);
});

test("a change counts once, whether the page that comes shows it or not", () => {
  const timeline = new Timeline(1, "Me");
  timeline.reset(page(11, 12, 12));
  timeline.apply(edited(13, 11, "new"));
  timeline.apply(reaction(14, 5, "👍", 2));
  timeline.apply(answer(15, 5));
  // Read before both, or after the first.
  timeline.prepend(page(6, 10, 12));
  const older = page(1, 5, 14);
  older.messages[4] = { ...message(5), reactions: [{ reaction: "👍", count: 2, mine: false }] } as Message;
  timeline.prepend(older);
  timeline.apply(edited(16, 11, "newer"));
  assert.equal(timeline.get(11)?.message?.edited?.count, 2);
  assert.deepEqual(timeline.get(5)?.message?.reactions, [{ reaction: "👍", count: 2, mine: false }]);
  assert.equal(timeline.get(5)?.message?.thread_count, 1);
  timeline.begin(20);
  assert.equal(timeline.fits(page(1, 5, 19)), false, "what was told before is not known any more");
  assert.equal(timeline.fits(page(1, 5, 19, "another")), true);
});

test("what a page shows that is ahead of the events is not counted again when they come", () => {
  const timeline = new Timeline(1, "Me");
  timeline.reset(page(11, 12, 12));
  const ahead = page(1, 10, 20);
  ahead.messages[3] = { ...message(4), thread_count: 1, thread_last: 18 } as Message;
  timeline.prepend(ahead);
  timeline.apply(answer(18, 4));
  assert.equal(timeline.get(4)?.message?.thread_count, 1);
  timeline.apply(answer(21, 4));
  assert.equal(timeline.get(4)?.message?.thread_count, 2);
});

test("one's own change is shown until its event, or until it is refused", () => {
  const timeline = new Timeline(1, "Me");
  timeline.reset(page(1, 2, 2));
  const counts = (seq: number): unknown => timeline.get(seq)?.message?.reactions?.map(({ count, mine }) => [count, mine]);
  timeline.propose({ type: "react", key: "a", target: 1, reaction: "👍", added: true });
  assert.deepEqual(counts(1), [[1, true]]);
  timeline.apply({ ...reaction(3, 1, "👍", 2), user: "Me", key: "a" });
  assert.deepEqual(counts(1), [[2, true]]);
  timeline.settle({ key: "a", target: 1 }, 3);
  assert.deepEqual(counts(1), [[2, true]]);
  timeline.propose({ type: "react", key: "b", target: 1, reaction: "👍", added: false });
  timeline.withdraw({ key: "b", target: 1 });
  assert.deepEqual(counts(1), [[2, true]]);
  timeline.propose({ type: "edit", key: "c", target: 2, content: "mine" });
  assert.equal(timeline.get(2)?.text, "mine");
  assert.deepEqual(timeline.get(2)?.message?.pending, ["c"]);
  timeline.settle({ key: "c", target: 2 }, undefined);
  assert.equal(timeline.get(2)?.text, "m2");
});

test("a newer page says what its messages are now, an older one does not", () => {
  const timeline = new Timeline(1, "Me");
  timeline.replace(page(1, 3));
  const changed = page(2, 4);
  changed.messages[0] = { ...message(2), content: "", deleted: { seq: 4, timestamp: "", user: "Ada", username: "Ada" } } as Message;
  changed.messages[1] = { ...message(3), content: "new" };
  timeline.replace(changed);
  timeline.replace(page(1, 3));
  assert.deepEqual(shown(timeline), ["m1", "gone", "new", "m4"]);
});

test("pages behind a stretch in the middle lead to the end, and to what was heard meanwhile", () => {
  const timeline = new Timeline(1, "Me");
  timeline.reset(page(101, 200, 300));
  assert.equal(timeline.hasAfter, true);
  timeline.add(message(301), true);
  timeline.pass(302);
  timeline.add(message(303), true);
  timeline.apply(edited(304, 303, "edited"));
  assert.equal(timeline.newest, 200, "a hole is never shown");
  timeline.append(page(201, 250, 303));
  assert.equal(timeline.hasAfter, true);
  timeline.append({ ...page(251, 300), head: 300 });
  assert.equal(timeline.hasAfter, false);
  assert.deepEqual(seqs(timeline).slice(-3), [300, 301, 303]);
  assert.equal(timeline.items.at(-1)?.text, "edited");
  assert.equal(timeline.end, 304);
  timeline.add(message(305), true);
  assert.equal(timeline.newest, 305);
});

test("of a flood beyond a hole only so much is kept, and the rest comes with its page", () => {
  const timeline = new Timeline(1, "Me");
  timeline.reset(page(1, 100, 200));
  for (let seq = 201; seq <= 1_400; seq++) timeline.add(message(seq), true);
  timeline.append(page(101, 200));
  assert.equal(timeline.hasAfter, true, "what was let go is missing");
  timeline.append(page(201, 1_350, 1_400));
  timeline.append(page(1_351, 1_400));
  assert.equal(timeline.hasAfter, false);
  assert.deepEqual(seqs(timeline), Array.from({ length: 1_400 }, (_, index) => index + 1));
});

test("a deleted answer lowers the count of its thread, once it is known where it was", () => {
  const timeline = new Timeline(1, "Me");
  const count = (): unknown => timeline.get(5)?.message?.thread_count;
  const first = page(1, 10, 20);
  first.messages[4] = { ...message(5), thread_count: 3, thread_last: 20 };
  timeline.reset({ ...first, has_after: false });
  timeline.apply(answer(21, 5));
  assert.equal(count(), 4);
  timeline.apply(deleted(22, 21));
  assert.equal(count(), 3, "it was heard where this one was");
  timeline.apply(deleted(23, 12));
  timeline.apply(deleted(24, 7));
  assert.deepEqual([count(), timeline.unplaced], [3, [12]]);
  timeline.place(12, 5);
  timeline.place(12, 5);
  assert.deepEqual([count(), timeline.unplaced], [2, []]);
  timeline.apply(deleted(25, 13));
  timeline.place(13, undefined);
  assert.equal(count(), 2);
});

test("a deleted answer counts once, whether the page that comes shows it or not", () => {
  const timeline = new Timeline(1, "Me");
  timeline.reset(page(31, 40, 40));
  timeline.apply(deleted(41, 20));
  timeline.apply(deleted(42, 22));
  const root = (head: number, thread_count: number) => ({ ...page(25, 30, 30), head, messages: [{ ...message(5), thread_count, thread_last: 25, head }] });
  timeline.prepend(root(41, 3));
  assert.deepEqual(timeline.unplaced, [22]);
  timeline.place(22, 5);
  assert.equal(timeline.get(5)?.message?.thread_count, 2);
  const late = new Timeline(1, "Me");
  late.reset({ ...root(30, 1), messages: [...root(30, 1).messages, { ...answer(20, 5), head: 30 }] });
  late.apply(deleted(28, 20));
  assert.equal(late.get(5)?.message?.thread_count, 1, "the page counted it");
  const other = new Timeline(1, "Me");
  other.reset(page(31, 40, 40));
  other.apply(answer(41, 5));
  other.apply(deleted(42, 41));
  other.prepend(root(40, 3));
  assert.equal(other.get(5)?.message?.thread_count, 3, "it came and went");
});

test("a message that was read alone says up to which event it counts", () => {
  const timeline = new Timeline(1, "Me");
  timeline.epoch = "e";
  timeline.begin(10);
  timeline.apply(edited(11, 1, "new"));
  timeline.add(answer(12, 1), true);
  timeline.apply(answer(12, 1));
  timeline.reset({ ...page(1, 0, 10), has_after: false, messages: [{ ...message(1), content: "new", thread_count: 1, edited: { seq: 11, timestamp: "", count: 1 }, head: 12 }] });
  const [root, last] = timeline.items;
  assert.deepEqual([root?.message?.edited?.count, root?.message?.thread_count, last?.seq, timeline.end], [1, 1, 12, 12]);
});
