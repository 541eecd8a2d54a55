import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attachment, AttachOptions, ChatError, RoomHandlers } from "../src/index.ts";
import { settle } from "./fake-clock.ts";
import { Bench } from "./fake-socket.ts";

/** A client attached to room 1, with everything it is told as one line each. */
class Watch extends Bench {
  readonly told: string[] = [];
  readonly handlers: Required<RoomHandlers> = {
    attached: (head) => this.told.push(`attached ${head.epoch}:${head.seq}`),
    event: (event) => this.told.push(`${event.type} ${event.seq}`),
    resync: (head) => this.told.push(`resync ${head.epoch}:${head.seq}`),
    presence: (list) => this.told.push(`present ${list.users.join(",")} (${list.count})`),
    join: (identity) => this.told.push(`join ${identity.username}`),
    leave: (identity) => this.told.push(`leave ${identity.username}`),
    typing: (identities, count) => {
      const unnamed = count > identities.length ? ` of ${count}` : "";
      this.told.push(`typing ${identities.map((identity) => identity.username).join(",")}${unnamed}`);
    },
    reads: (marks) => this.told.push(`read ${marks.map(({ username, seq }) => `${username} ${seq}`).join(",")}`),
    ended: (error: ChatError | null) => this.told.push(`ended ${error?.code}`),
  };
  attachment!: Attachment;

  /** What was told since the last time this was asked. */
  news(): string[] {
    return this.told.splice(0);
  }

  async attached(options?: AttachOptions, head = 5): Promise<this> {
    await this.online();
    this.attachment = this.client.attach(1, this.handlers, options);
    this.answer({ head });
    assert.deepEqual(this.news(), [`attached e:${head}`]);
    return this;
  }

  /** Answers the newest attach. */
  answer(more: object): void {
    const { ref } = this.socket.of("attach").at(-1)!;
    this.socket.frame({ type: "attached", ref, room: 1, epoch: "e", head: 5, events: [], ...more });
  }

  async reconnect(): Promise<void> {
    this.socket.end(1006);
    await this.clock.advance(1_000);
    this.socket.accept();
  }
}

const message = (seq: number, more: object = {}): object => ({
  type: "message",
  room: 1,
  seq,
  id: seq,
  user: "bob",
  username: "Bob",
  content: `text ${seq}`,
  timestamp: "2026-11-22T10:00:00.000Z",
  ...more,
});
const typing = (...users: string[]): object => ({
  type: "typing",
  room: 1,
  users,
  identities: users.map((user) => ({ user, username: user })),
});

test("a room is attached from the head, from a position, and with or without presence", async () => {
  const bench = new Watch();
  const socket = await bench.online();
  bench.client.attach(1, {});
  bench.client.attach(2, {}, { after: { epoch: "e", seq: 7, extra: true } as never, presence: false });
  assert.deepEqual(
    socket.of("attach").map(({ ref: _, ...rest }) => rest),
    [
      { type: "attach", room: 1, presence: true },
      { type: "attach", room: 2, after: { epoch: "e", seq: 7 }, presence: false },
    ],
  );
});

test("a large answer comes in several frames, and the room goes on from where one is missing", async () => {
  const bench = await new Watch().attached({ after: { epoch: "e", seq: 5 } });
  await bench.reconnect();
  bench.answer({ head: 9, events: [message(6)], more: true });
  assert.deepEqual(bench.news(), ["attached e:9", "message 6"]);
  const more = (events: object[], more: boolean): void =>
    bench.socket.frame({ type: "events", room: 1, events, more });
  more([message(7), message(8)], true);
  more([message(7), message(8)], true); // Twice is as good as once.
  assert.deepEqual(bench.news(), ["message 7", "message 8"]);
  assert.deepEqual(bench.attachment.position, { epoch: "e", seq: 8 });
  // Lost in the middle: it goes on from what it has.
  await bench.reconnect();
  assert.deepEqual(bench.socket.of("attach").at(-1)!.after, { epoch: "e", seq: 8 });
  bench.answer({ head: 10, events: [], more: true });
  more([message(9), message(10)], false);
  bench.socket.frame(message(11));
  assert.deepEqual(bench.news(), ["attached e:10", "message 9", "message 10", "message 11"]);
  await bench.clock.advance(24_000);
  assert.equal(bench.socket.of("attach").length, 1, "nothing more is waited for");
});

test("a large answer that breaks off is asked for again", async () => {
  const bench = await new Watch().attached({ after: { epoch: "e", seq: 5 } });
  await bench.reconnect();
  bench.answer({ head: 9, events: [message(6)], more: true });
  for (let i = 0; i < 3; i++) {
    await bench.clock.advance(8_000);
    bench.socket.frame({ type: "pong" });
  }
  assert.deepEqual(bench.socket.of("attach").at(-1)!.after, { epoch: "e", seq: 6 });
  bench.answer({ head: 9, events: [message(7)], more: true });
  bench.socket.frame({ type: "events", room: 1, events: [message(9)], more: false });
  assert.deepEqual(bench.socket.of("attach").at(-1)!.after, { epoch: "e", seq: 7 }, "there is a hole");
});

test("a room attached before the start is attached once there is a socket", async () => {
  const bench = new Watch();
  bench.client.attach(1, {});
  const socket = await bench.online();
  assert.equal(socket.of("attach").length, 1);
});

test("events come in order, and an event that comes twice is handed over once", async () => {
  const bench = await new Watch().attached();
  for (const seq of [6, 6, 7, 6, 5, 7, 8]) bench.socket.frame(message(seq));
  assert.deepEqual(bench.news(), ["message 6", "message 7", "message 8"]);
  assert.deepEqual(bench.attachment.position, { epoch: "e", seq: 8 });
});

test("after a reconnect the room goes on from its position with what was missed", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame(message(6));
  await bench.reconnect();
  assert.deepEqual(bench.socket.of("attach")[0]!.after, { epoch: "e", seq: 6 });
  bench.answer({ head: 8, events: [message(7), message(8)] });
  bench.socket.frame(message(8));
  bench.socket.frame(message(9));
  assert.deepEqual(bench.news(), ["message 6", "attached e:8", "message 7", "message 8", "message 9"]);
});

test("a hole is filled by attaching again, and no event overtakes it", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame(message(6));
  bench.socket.frame(message(8));
  bench.socket.frame(message(9));
  assert.deepEqual(
    bench.socket.sent.slice(-2).map((command) => command.type),
    ["detach", "attach"],
  );
  bench.answer({ head: 9, events: [message(7), message(8), message(9)] });
  bench.socket.frame(message(10));
  assert.deepEqual(bench.news().join("; "), "message 6; attached e:9; message 7; message 8; message 9; message 10");
});

test("what comes before the answer to an attach is left to the answer", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame(message(7));
  bench.socket.frame(message(6));
  bench.socket.frame(typing("bob"));
  bench.answer({ head: 7, events: [message(6), message(7)] });
  assert.deepEqual(bench.news(), ["attached e:7", "message 6", "message 7"]);
});

test("resync is told, and events go on from its head", async () => {
  const bench = await new Watch().attached();
  await bench.reconnect();
  bench.answer({ type: "resync", epoch: "f", head: 9_001, events: undefined });
  bench.socket.frame(message(9_002));
  assert.deepEqual(bench.news(), ["resync f:9001", "message 9002"]);
  assert.deepEqual(bench.attachment.position, { epoch: "f", seq: 9_002 });
});

for (const [why, answer] of Object.entries({
  "has a hole": { head: 8, events: [message(6), message(8)] },
  "ends before the head": { head: 8, events: [message(6)] },
  "is of another epoch": { head: 6, epoch: "f", events: [message(6)] },
  "lies before the position": { head: 4, events: [] },
})) {
  test(`a gap that ${why} is taken as a resync`, async () => {
    const bench = await new Watch().attached();
    await bench.reconnect();
    bench.answer(answer);
    assert.deepEqual(bench.news(), [`resync ${"epoch" in answer ? answer.epoch : "e"}:${answer.head}`]);
  });
}

test("an answer to an earlier attach is not mistaken for this one's", async () => {
  const bench = await new Watch().attached();
  bench.attachment.detach();
  bench.client.attach(1, bench.handlers, { after: { epoch: "e", seq: 5 } });
  bench.answer({ ref: bench.socket.of("attach")[0]!.ref, head: 9, events: [6, 7, 8, 9].map((seq) => message(seq)) });
  bench.socket.frame(message(10));
  assert.deepEqual(bench.news(), []);
  bench.answer({ head: 6, events: [message(6)] });
  assert.deepEqual(bench.news(), ["attached e:6", "message 6"]);
});

test("after detach nothing is told, not even the rest of a gap", async () => {
  const bench = await new Watch().attached();
  const seen: number[] = [];
  bench.attachment.detach();
  assert.equal(bench.socket.sent.at(-1)!.type, "detach");
  bench.attachment = bench.client.attach(
    1,
    {
      event(event) {
        seen.push(event.seq);
        bench.attachment.detach();
      },
    },
    { after: { epoch: "e", seq: 5 } },
  );
  bench.answer({ head: 7, events: [message(6), message(7)] });
  bench.socket.frame(message(8));
  bench.socket.frame(typing("bob"));
  assert.deepEqual(seen, [6]);
  assert.deepEqual(bench.news(), []);
});

test("a room is attached once at a time", async () => {
  const bench = await new Watch().attached();
  assert.throws(() => bench.client.attach(1, {}), { name: "ChatError", code: "already_attached" });
  bench.attachment.detach();
  bench.attachment.detach();
  bench.client.attach(1, {});
  assert.equal(bench.socket.of("detach").length, 1);
});

test("a deleted room ends after its last event, and is not attached again", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame({ type: "room_deleted", room: 1, seq: 6, user: null, username: null, timestamp: "t" });
  assert.deepEqual(bench.news(), ["room_deleted 6", "ended undefined"]);
  await bench.reconnect();
  assert.deepEqual(bench.socket.of("attach"), []);
});

test("a final refusal ends the attachment", async () => {
  const bench = new Watch();
  const socket = await bench.online();
  bench.client.attach(1, bench.handlers);
  const { ref } = socket.of("attach")[0]!;
  socket.frame({ type: "error", ref, room: 1, code: "room_not_found", message: "There is no such room." });
  assert.deepEqual(bench.news(), ["ended room_not_found"]);
  await bench.clock.advance(5_000);
  assert.equal(socket.of("attach").length, 1);
});

test("a refusal for now is tried again, not before the server says", async () => {
  const bench = new Watch();
  const socket = await bench.online();
  bench.client.attach(1, bench.handlers);
  for (const code of ["unavailable", "overloaded", "too_many"]) {
    const before = socket.of("attach").length;
    const { ref } = socket.of("attach").at(-1)!;
    socket.frame({ type: "error", ref, room: 1, code, message: "Later.", retry_after_ms: 3_000 });
    await bench.clock.advance(2_900);
    assert.equal(socket.of("attach").length, before);
    await bench.clock.advance(200);
    assert.equal(socket.of("attach").length, before + 1);
  }
  bench.answer({});
  assert.deepEqual(bench.news(), ["attached e:5"]);
});

test("an attach that is never answered is made again", async () => {
  const bench = new Watch();
  const socket = await bench.online();
  bench.client.attach(1, bench.handlers);
  for (let second = 0; second < 21; second++) {
    await bench.clock.advance(1_000);
    socket.frame({ type: "pong" });
  }
  assert.equal(socket.of("attach").length, 2);
  bench.answer({});
  assert.deepEqual(bench.news(), ["attached e:5"]);
});

test("presence, joins and leaves are told", async () => {
  const bench = await new Watch().attached();
  const identities = [{ user: "a", username: "Alice" }, { broken: true }];
  bench.socket.frame({ type: "user_list", room: 1, users: ["Alice"], identities, count: 1, timestamp: "t" });
  bench.socket.frame({ type: "join", room: 1, user: "b", username: "Bob", content: "Bob joined the room" });
  bench.socket.frame({ type: "leave", room: 1, user: "b", username: "Bob", content: "Bob left the room" });
  bench.socket.frame({ type: "user_list", room: 1, users: [], identities: [], count: 900 });
  bench.socket.frame({ type: "join", room: 2, user: "c", username: "Elsewhere" });
  assert.deepEqual(bench.news(), ["present Alice (1)", "join Bob", "leave Bob", "present  (900)"]);
});

test("a typist stops with their message, their leave and the loss of the connection", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame(typing("bob", "carol", "dave"));
  bench.socket.frame(message(6));
  bench.socket.frame({ type: "leave", room: 1, user: "carol", username: "carol" });
  assert.deepEqual(bench.news().join("; "), "typing bob,carol,dave; typing carol,dave; message 6; typing dave; leave carol");
  bench.socket.end(1006);
  assert.deepEqual(bench.news(), ["typing "]);
});

test("of many typists some are named and all are counted", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame({ ...typing("bob", "carol"), count: 7 });
  bench.socket.frame(message(6));
  bench.socket.frame({ ...typing(), count: 0 });
  assert.deepEqual(bench.news(), ["typing bob,carol of 7", "typing carol of 6", "message 6", "typing "]);
});

test("an event of an unknown kind keeps its place in the order", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame({ type: "from_the_future", room: 1, seq: 6, target: 2 });
  bench.socket.frame(message(7));
  assert.deepEqual(bench.news(), ["from_the_future 6", "message 7"]);
  await bench.reconnect();
  bench.answer({ head: 9, events: [{ type: "pinned", room: 1, seq: 8 }, message(9)] });
  assert.deepEqual(bench.news(), ["attached e:9", "pinned 8", "message 9"]);
  assert.equal(bench.sockets.flatMap((socket) => socket.of("detach")).length, 0);
});

test("a signal of an unknown kind with a number does not displace the event of that number", async () => {
  const bench = await new Watch().attached();
  bench.socket.frame({ type: "read_mark", room: 1, seq: 6, user: "bob" });
  bench.socket.frame(message(6));
  bench.socket.frame({ type: "read_mark", room: 1, seq: 7, user: "bob" });
  bench.socket.frame({ type: "from_the_future", room: 1, seq: 7 });
  bench.socket.frame(message(8));
  bench.answer({ head: 8, events: [{ type: "from_the_future", room: 1, seq: 7 }, message(8)] });
  assert.deepEqual(bench.news(), ["message 6", "attached e:8", "from_the_future 7", "message 8"]);
});

test("a handler that throws is reported and loses nothing", async () => {
  const bench = new Watch();
  const reported: unknown[] = [];
  const report = console.error;
  console.error = (error: unknown) => reported.push(error);
  try {
    await bench.online();
    const seen: number[] = [];
    bench.client.attach(1, {
      event(event) {
        seen.push(event.seq);
        throw new Error(`at ${event.seq}`);
      },
    });
    bench.answer({});
    bench.socket.frame(message(6));
    bench.socket.frame(message(7));
    await settle();
    assert.deepEqual(seen, [6, 7]);
    assert.equal(reported.length, 2);
  } finally {
    console.error = report;
  }
});

test("what happens to messages is an event at once", async () => {
  const watch = await new Watch().attached();
  for (const [i, type] of ["message_edited", "message_deleted", "reaction", "pin", "member"].entries()) {
    watch.socket.frame({ type, room: 1, seq: 6 + i, target: 1 });
    assert.deepEqual(watch.news(), [`${type} ${6 + i}`]);
  }
});
