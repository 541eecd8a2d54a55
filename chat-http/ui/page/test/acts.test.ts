/** What is offered with a message is what `docs/permissions.md` allows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actOfKey, actsOn, type Viewer } from "../messages/acts.ts";

const viewer = (role: Viewer["role"], owned = true): Viewer => ({ me: "Ada", room: { kind: "public", owned, invites: "members" }, role });
const message = { user: "Bob" };

test("one's own message can be edited and deleted", () => {
  assert.deepEqual(actsOn({ user: "Ada" }, viewer(null)), ["answer", "thread", "edit", "copy", "link", "delete"]);
});

test("others' messages are deleted and pinned by moderators, and pinned by all where nobody owns the room", () => {
  assert.deepEqual(actsOn(message, viewer("member")), ["answer", "thread", "copy", "link", "person"]);
  assert.deepEqual(actsOn({ ...message, pinned: true }, viewer("moderator")), ["answer", "thread", "copy", "link", "unpin", "person", "delete"]);
  assert.deepEqual(actsOn(message, viewer(null, false)), ["answer", "thread", "copy", "link", "pin", "person"]);
});

test("what there is to see is offered, and nothing is done with a deleted message", () => {
  const at = { seq: 3, timestamp: "", user: "Bob", username: "Bob" };
  const seen = actsOn({ ...message, reactions: [{ reaction: "👍", count: 1, mine: false }], edited: { seq: 2, timestamp: "", count: 1 } }, viewer(null));
  assert.deepEqual(seen, ["answer", "thread", "copy", "link", "reacted", "edits", "person"]);
  assert.deepEqual(actsOn({ user: "Ada", deleted: at }, viewer("owner")), ["link"]);
});

test("a message with marks is shown as it was written, and back", () => {
  assert.deepEqual(actsOn(message, { ...viewer(null), shown: "formatted" }), ["answer", "thread", "copy", "written", "link", "person"]);
  assert.deepEqual(actsOn(message, { ...viewer(null), shown: "written" }), ["answer", "thread", "copy", "formatted", "link", "person"]);
});

test("an answer leads to what it answers, as long as that is there", () => {
  assert.deepEqual(actsOn(message, { ...viewer("member"), hasAnswered: true }), ["answer", "thread", "answered", "copy", "link", "person"]);
});

test("threads are begun under messages that are there, and in none", () => {
  const at = { seq: 3, timestamp: "", user: "Bob", username: "Bob" };
  assert.deepEqual(actsOn({ ...message, thread: 1 }, viewer(null)), ["answer", "copy", "link", "person"]);
  assert.deepEqual(actsOn({ ...message, deleted: at, thread_last: 4 }, viewer(null)), ["thread", "link", "person"]);
});

test("keys do the same, and leave those of the browser alone", () => {
  const press = (key: string, more = {}) => actOfKey({ key, code: "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });
  assert.deepEqual(["c", "R", "t", "e", "Delete", "Enter", "ContextMenu", "x"].map((key) => press(key)), ["copy", "answer", "thread", "edit", "delete", "menu", "menu", null]);
  assert.equal(press("F10", { shiftKey: true }), "menu");
  assert.equal(press("к", { code: "KeyR" }), "answer");
  assert.equal(press("c", { ctrlKey: true }), "copy");
  assert.deepEqual([press("r", { ctrlKey: true }), press("e", { metaKey: true }), press("c", { altKey: true })], [null, null, null]);
});
