/** Timelines, one case at a time; timeline-history.test.ts has all of them at random. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline, type MessageState, type Page, type RoomEvent } from "../src/index.ts";

const me = { user: "me", username: "Me" };
const bob = { user: "bob", username: "Bob" };
const message = (seq: number, more: object = {}): MessageState => ({
  type: "message", room: 1, seq, id: seq, ...bob, content: `m${seq}`, timestamp: `t${seq}`, ...more,
});
const page = (messages: MessageState[], head: number, more: Partial<Page> = {}): Page => ({
  messages, head, epoch: "e", has_before: false, has_after: false, ...more,
});
const event = (type: string, seq: number, more: object): RoomEvent => {
  const fields = { ...bob, timestamp: `t${seq}`, ...more };
  return { type, room: 1, seq, ...fields };
};

/** A timeline with the given messages and what a page showed of them. */
function timelineOf(messages: MessageState[], head = messages.at(-1)?.seq ?? 0): Timeline {
  const timeline = new Timeline({ room: 1, me });
  assert.ok(timeline.reset(page(messages, head)));
  return timeline;
}

test("an edit, a reaction, a pin and a deletion change their message, and unknown events none", () => {
  const timeline = timelineOf([message(1, { mentions: ["me"], meta: { a: 1 } })]);
  timeline.apply(event("message_edited", 2, { target: 1, content: "new", meta: { b: 1 } }));
  timeline.apply(event("reaction", 3, { target: 1, reaction: "👍", added: true, count: 1 }));
  timeline.apply(event("pin", 4, { target: 1, pinned: true }));
  timeline.apply(event("from_the_future", 5, { target: 1, content: "?" }));
  timeline.apply(event("reaction", 6, { target: 77, reaction: "👍", added: true, count: 1 }));
  const edited = { seq: 2, timestamp: "t2", count: 1 };
  const reactions = [{ reaction: "👍", count: 1, mine: false }];
  assert.deepEqual(timeline.messages, [message(1, { content: "new", meta: { b: 1 }, edited, reactions, pinned: true })]);
  timeline.apply(event("message_deleted", 7, { target: 1, reason: "spam" }));
  assert.deepEqual(timeline.messages, [message(1, { content: "", edited, deleted: { seq: 7, timestamp: "t7", ...bob } })]);
});

test("an erased message stands there until its deletion comes", () => {
  const timeline = timelineOf([]);
  timeline.apply(event("message", 1, { id: 1, content: "", erased: true }));
  assert.equal(timeline.messages[0]?.erased, true);
  timeline.apply(event("message_edited", 2, { target: 1, content: "", erased: true }));
  timeline.apply(event("message_deleted", 3, { target: 1 }));
  assert.deepEqual([timeline.messages[0]?.erased, timeline.messages[0]?.deleted?.seq], [undefined, 3]);
});

test("a page that is ahead of the stream does not show the events up to its head twice", () => {
  const timeline = new Timeline({ room: 1, me });
  assert.ok(timeline.reset(page([message(9)], 10, { has_before: true })));
  const reactions = [{ reaction: "x", count: 1, mine: false }];
  assert.ok(timeline.prepend(page([message(8, { edited: { seq: 11, timestamp: "t11", count: 1 }, reactions })], 12), 9));
  timeline.apply(event("message_edited", 11, { target: 8, content: "m8" }));
  timeline.apply(event("reaction", 12, { target: 8, reaction: "x", added: true, count: 1 }));
  assert.equal(timeline.get(8)?.edited?.count, 1);
  timeline.apply(event("message_edited", 13, { target: 8, content: "m8" }));
  assert.equal(timeline.get(8)?.edited?.count, 2);
});

test("a page that is behind the stream gets the events that it does not show", () => {
  const timeline = timelineOf([message(9)], 10);
  timeline.apply(event("message_edited", 11, { target: 8, content: "new" }));
  assert.ok(timeline.prepend(page([message(8)], 10), 9));
  assert.equal(timeline.get(8)?.content, "new");
});

test("a page that is too old, of another epoch or of another place is refused", () => {
  const timeline = timelineOf([message(9)], 10);
  assert.equal(timeline.prepend(page([message(7)], 10), 8), false);
  assert.equal(timeline.prepend(page([message(8)], 9), 9), false);
  assert.equal(timeline.reset(page([message(1)], 11, { epoch: "other" })), false);
  timeline.begin({ epoch: "other", seq: 11 });
  assert.equal(timeline.prepend(page([message(8)], 12, { epoch: "other" }), 9), false, "what is here is of before");
  assert.ok(timeline.reset(page([message(1)], 11, { epoch: "other" })));
  assert.deepEqual([timeline.messages, timeline.stale], [[message(1)], false]);
});

test("after a long stream a page of its beginning is refused, and nothing grows without end", () => {
  const timeline = timelineOf([message(1)]);
  for (let seq = 2; seq <= 6_000; seq++) timeline.apply(event("reaction", seq, { target: 1, reaction: "x", added: true, count: 1 }));
  assert.equal(timeline.reset(page([message(1)], 1_000)), false);
  assert.ok(timeline.reset(page([message(1)], 4_500)));
  assert.equal(timeline.messages.length, 1);
});

test("a refused page has no effect", () => {
  const timeline = timelineOf([message(1, { thread_count: 2, thread_last: 5 })], 6);
  timeline.apply(event("message_deleted", 7, { target: 5 }));
  assert.equal(timeline.reset(page([], 3)), false);
  assert.deepEqual(timeline.unplaced, [5]);
  timeline.place(5, 1);
  assert.deepEqual([timeline.unplaced, timeline.get(1)?.thread_count], [[], 1]);
});

test("a deleted message that cannot be in a thread here is not asked about", () => {
  const timeline = timelineOf([message(3), message(6, { thread_count: 1, thread_last: 7 })], 8);
  timeline.apply(event("message_deleted", 9, { target: 2 }));
  timeline.apply(event("message_deleted", 10, { target: 3 }));
  timeline.apply(event("message_deleted", 11, { target: 8 }));
  assert.deepEqual(timeline.unplaced, []);
  timeline.apply(event("message_deleted", 12, { target: 7 }));
  timeline.place(7, undefined);
  assert.equal(timeline.get(6)?.thread_count, 1, "it was in none");
});

test("a timeline of a thread has the messages of that thread alone", () => {
  const timeline = new Timeline({ room: 1, me, thread: 2 });
  timeline.reset(page([message(3, { thread: 2 })], 5));
  timeline.apply(event("message", 6, { id: 6, content: "a", thread: 2 }));
  timeline.apply(event("message", 7, { id: 7, content: "a", thread: 4 }));
  timeline.apply(event("message", 8, { id: 8, content: "a" }));
  assert.deepEqual(timeline.messages.map(({ seq }) => seq), [3, 6]);
});

test("a draft stands at the end until its message comes", () => {
  const timeline = timelineOf([message(1)]);
  timeline.propose({ type: "message", key: "k", content: "Hi", timestamp: "now", reply_to: 1 });
  const draft = { type: "message", key: "k", content: "Hi", timestamp: "now", reply_to: 1, ...me, room: 1, seq: 0, id: 0, pending: ["k"] };
  assert.deepEqual(timeline.shown, [message(1), draft]);
  timeline.settle("k", { seq: 3 });
  timeline.apply(event("message", 2, { id: 2, content: "other", key: "k" }));
  assert.equal(timeline.shown.length, 3, "another user's key is not mine");
  timeline.apply(event("message", 3, { id: 3, content: "Hi", key: "k", ...me }));
  assert.deepEqual(timeline.shown.map(({ seq, pending }) => [seq, pending]), [[1, undefined], [2, undefined], [3, undefined]]);
});

test("a draft that a page shows is not shown twice", () => {
  const timeline = timelineOf([]);
  timeline.propose({ type: "message", key: "k", content: "Hi", timestamp: "now" });
  timeline.begin({ epoch: "e", seq: 4 });
  timeline.reset(page([message(3, { key: "k", ...me })], 4));
  assert.equal(timeline.shown.length, 1);
});

test("an edit is shown at once, with the fields that it leaves as they are", () => {
  const timeline = timelineOf([message(1, { ...me, mentions: ["bob"], mentions_room: true, meta: { a: 1 } })]);
  timeline.propose({ type: "edit", key: "k", target: 1, content: "new", mentions: [], meta: {} });
  assert.deepEqual(timeline.shown, [{ ...message(1, me), content: "new", mentions_room: true, pending: ["k"] }]);
  assert.equal(timeline.messages[0]?.content, "m1");
  timeline.settle("k", { seq: 2 });
  assert.equal(timeline.shown[0]?.content, "new", "its event is still to come");
  timeline.apply(event("message_edited", 2, { target: 1, content: "new", mentions_room: true, key: "other", ...me }));
  assert.equal(timeline.shown[0]?.pending, undefined);
});

test("reactions of one's own are counted once, however they come", () => {
  const reactions = [{ reaction: "x", count: 2, mine: true }];
  const timeline = timelineOf([message(1, { reactions })]);
  timeline.propose({ type: "react", key: "a", target: 1, reaction: "x", added: true });
  assert.deepEqual(timeline.shown[0]?.reactions, reactions, "it is there already");
  timeline.settle("a", {});
  timeline.propose({ type: "react", key: "b", target: 1, reaction: "x", added: false });
  timeline.propose({ type: "react", key: "c", target: 1, reaction: "y", added: true });
  const wanted = [{ reaction: "x", count: 1, mine: false }, { reaction: "y", count: 1, mine: true }];
  assert.deepEqual([timeline.shown[0]?.reactions, timeline.shown[0]?.pending], [wanted, ["b", "c"]]);
  timeline.withdraw("b");
  assert.deepEqual(timeline.shown[0]?.reactions, [...reactions, wanted[1]]);
});

test("what is unread comes after the mark, and is neither deleted nor one's own", () => {
  const deleted = { seq: 5, timestamp: "t5", ...bob };
  const timeline = timelineOf([message(1), message(2, me), message(3, { deleted }), message(4)], 5);
  assert.deepEqual([0, 1, 4].map((seq) => timeline.unreadAfter(seq)), [2, 1, 0]);
  timeline.trim(2);
  assert.deepEqual([0, 2].map((seq) => timeline.unreadAfter(seq)), [null, 1]);
});

test("what is shown is the same list until something changes", () => {
  const timeline = timelineOf([message(1)]);
  const { shown } = timeline;
  assert.equal(timeline.shown, shown);
  timeline.apply(event("pin", 2, { target: 1, pinned: true }));
  assert.notEqual(timeline.shown, shown);
});
