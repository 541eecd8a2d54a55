/** Rooms that are watched, and notices. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Activity, Notice } from "../src/index.ts";
import { Bench } from "./fake-socket.ts";

const activity = (head: number): Activity => ({
  type: "activity", room: 1, head, ordinal: head, last: { seq: head, user: "bob", username: "Bob", content: "Hi" },
});

/** A client that watches room 1, with everything it is told as one line each. */
class Watching extends Bench {
  readonly told: string[] = [];
  watch = this.client.watch(1, {
    attached: (head) => this.told.push(`attached ${head}`),
    activity: ({ head, last }) => this.told.push(`activity ${head} ${last?.content}`),
    ended: (error) => this.told.push(`ended ${error?.code}`),
  });

  news(): string[] {
    return this.told.splice(0);
  }

  answer(more: object): void {
    const { ref, room } = this.socket.of("attach").at(-1)!;
    this.socket.frame({ type: "attached", ref, room, epoch: "e", events: [], ...more });
  }
}

test("a watched room tells what is new, and goes on after a reconnect", async () => {
  const bench = new Watching();
  await bench.online();
  const { ref: _, ...sent } = bench.socket.of("attach")[0]!;
  assert.deepEqual(sent, { type: "attach", room: 1, events: false });
  bench.answer({ head: 5 });
  bench.socket.frame(activity(6));
  assert.deepEqual(bench.news(), ["attached 5", "activity 6 Hi"]);
  bench.socket.end(1006);
  await bench.clock.advance(1_000);
  bench.socket.accept();
  bench.answer({ head: 8 });
  bench.socket.frame(activity(9));
  assert.deepEqual(bench.news(), ["attached 8", "activity 9 Hi"]);
});

test("a watch that is refused for now is tried again, and one that is not answered, too", async () => {
  const bench = new Watching();
  await bench.online();
  const { ref } = bench.socket.of("attach")[0]!;
  bench.socket.frame({ type: "error", ref, room: 1, code: "unavailable", message: "" });
  await bench.clock.advance(10_000);
  assert.equal(bench.socket.of("attach").length, 2);
  for (let second = 0; second < 21; second++) {
    await bench.clock.advance(1_000);
    bench.socket.frame({ type: "pong" });
  }
  assert.deepEqual(bench.socket.sent.slice(-2).map(({ type }) => type), ["detach", "attach"]);
  bench.answer({ head: 5 });
  assert.deepEqual(bench.news(), ["attached 5"]);
});

test("a watch ends when the room is gone, or one may not read it any more", async () => {
  for (const [reason, told] of [["deleted", "ended undefined"], ["removed", "ended removed"], ["private", "ended private"]]) {
    const bench = new Watching();
    await bench.online();
    bench.answer({ head: 5 });
    bench.socket.frame({ type: "detached", room: 1, reason });
    bench.socket.frame(activity(6));
    assert.deepEqual(bench.news(), ["attached 5", told]);
  }
  const bench = new Watching();
  await bench.online();
  const { ref } = bench.socket.of("attach")[0]!;
  bench.socket.frame({ type: "error", ref, room: 1, code: "room_not_found", message: "" });
  assert.deepEqual(bench.news(), ["ended room_not_found"]);
});

test("nothing is told after the detach", async () => {
  const bench = new Watching();
  await bench.online();
  bench.answer({ head: 5 });
  bench.watch.detach();
  bench.socket.frame(activity(6));
  assert.deepEqual(bench.news(), ["attached 5"]);
  assert.deepEqual(bench.socket.of("detach"), [{ type: "detach", room: 1 }]);
});

test("attaching a watched room replaces the watch; watching an attached one is refused", async () => {
  const bench = new Watching();
  await bench.online();
  bench.answer({ head: 5 });
  const heads: number[] = [];
  bench.client.attach(1, { attached: ({ seq }) => heads.push(seq) });
  assert.deepEqual(bench.socket.of("detach"), []);
  bench.answer({ head: 7 });
  bench.socket.frame(activity(8));
  assert.deepEqual([heads, bench.news()], [[7], ["attached 5"]]);
  assert.throws(() => bench.client.watch(1, {}), { code: "already_attached" });
});

test("an attachment ends when the user may not read the room any more", async () => {
  const bench = new Bench();
  await bench.online();
  const ended: unknown[] = [];
  bench.client.attach(1, { ended: (error) => ended.push(error?.code ?? null) });
  const { ref } = bench.socket.of("attach")[0]!;
  bench.socket.frame({ type: "attached", ref, room: 1, epoch: "e", head: 5, events: [] });
  bench.socket.frame({ type: "detached", room: 1, reason: "banned" });
  assert.deepEqual(ended, ["banned"]);
  bench.client.attach(1, {}).detach();
});

test("notices are told whichever rooms are attached, and are no events", async () => {
  const bench = new Bench();
  await bench.online();
  const notices: string[] = [];
  const events: string[] = [];
  const stop = bench.client.onNotice((notice: Notice) => notices.push(notice.type));
  bench.client.attach(1, {
    event: ({ type, seq }) => events.push(`${type} ${seq}`),
    reads: (marks) => events.push(`read ${marks.map(({ username, seq }) => `${username} ${seq}`).join()}`),
  });
  const { ref } = bench.socket.of("attach")[0]!;
  bench.socket.frame({ type: "attached", ref, room: 1, epoch: "e", head: 5, events: [] });
  const all: Notice[] = [
    { type: "hello", user: "alice", username: "Alice" },
    { type: "room_added", room: { id: 7, name: "new", topic: "", created_at: "", head: 0, last_message_at: null, online: 0, kind: "public", owned: false, invites: "members", members: 0 } },
    { type: "room_removed", room: 1, reason: "left" },
    { type: "mention", room: 1, seq: 6, user: "bob", username: "Bob" },
    { type: "thread", room: 1, root: 2, seq: 6 },
    { type: "read", room: 1, seq: 6, unread: 0, mentions: 0, ordinal: 6 },
    { type: "missed" },
  ];
  for (const notice of all) bench.socket.frame(notice);
  bench.socket.frame({ type: "read", room: 1, marks: [{ user: "bob", username: "Bob", seq: 4 }, { seq: 1 }] });
  bench.socket.frame({ type: "message", room: 1, seq: 6, user: "bob", username: "Bob", content: "Hi" });
  assert.deepEqual(notices, all.map(({ type }) => type));
  assert.deepEqual(events, ["read Bob 4", "message 6"]);
  assert.deepEqual(bench.client.identity, { user: "alice", username: "Alice" });
  stop();
  bench.socket.frame({ type: "missed" });
  assert.equal(notices.length, all.length);
});
