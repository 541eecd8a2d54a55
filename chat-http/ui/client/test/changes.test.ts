/** Edits, deletions, reactions, pins and marks: on the socket, and what their answers mean. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatClient, ChatError, Done, Sent } from "../src/index.ts";
import { settle } from "./fake-clock.ts";
import { Bench, type FakeSocket } from "./fake-socket.ts";

type Json = Record<string, unknown>;

/** The newest command but pings. */
const last = (socket: FakeSocket): Json => socket.sent.filter(({ type }) => type !== "ping").at(-1) as unknown as Json;
const ok = (socket: FakeSocket, fields: Json = {}): void => {
  const { ref, room } = last(socket);
  socket.frame({ type: "ok", ref, room, ...fields });
};
const fail = (socket: FakeSocket, code: string, more: Json = {}): void => {
  const { ref, room } = last(socket);
  socket.frame({ type: "error", ref, room, code, message: code, ...more });
};

/** What has become of a promise by now. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise.catch((error: ChatError) => error.code), settle().then(() => "pending")]);
}

const key = "k1";
const meta = { poll: { question: "Tea?", options: ["yes", "no"] } };
const COMMANDS: Record<string, [(client: ChatClient) => Promise<Done>, Json]> = {
  "a message with all there is": [
    (client) =>
      client.send(3, "Hi", { key, reply_to: 5, thread: 4, mentions: ["bob"], mentions_room: true, meta }),
    { type: "message", content: "Hi", reply_to: 5, thread: 4, mentions: ["bob"], mentions_room: true, meta },
  ],
  "an edit": [
    (client) => client.edit(3, 5, { content: "Ho", mentions: [], meta: {} }, { key }),
    { type: "edit", target: 5, content: "Ho", mentions: [], meta: {} },
  ],
  "a deletion": [(client) => client.delete(3, 5, { key, reason: "spam" }), { type: "delete", target: 5, reason: "spam" }],
  "a deletion without a reason": [(client) => client.delete(3, 5, { key }), { type: "delete", target: 5 }],
  "a reaction": [(client) => client.react(3, 5, "👍", true, { key }), { type: "react", target: 5, reaction: "👍", added: true }],
  "a reaction taken back": [
    (client) => client.react(3, 5, "👍", false, { key }),
    { type: "react", target: 5, reaction: "👍", added: false },
  ],
  "a pin": [(client) => client.pin(3, 5, true, { key }), { type: "pin", target: 5, pinned: true }],
};

for (const [what, [act, command]] of Object.entries(COMMANDS)) {
  test(`${what} is sent with a key and settled by its answer`, async () => {
    const bench = new Bench();
    const socket = await bench.online();
    const done = act(bench.client);
    const { ref, ...sent } = last(socket);
    assert.equal(typeof ref, "string");
    assert.deepEqual(sent, { ...command, room: 3, key });
    ok(socket, { seq: 9, timestamp: "t9", count: 2 });
    assert.deepEqual(await done, { key, seq: 9, timestamp: "t9", replayed: false, count: 2 });
  });

  test(`${what} is sent again with the same key until it is answered`, async () => {
    const bench = new Bench();
    const first = await bench.online();
    const done = act(bench.client);
    fail(first, "outcome_unknown", { retry_after_ms: 10 });
    await bench.clock.advance(1_000);
    first.end(1006);
    await bench.clock.advance(1_000);
    bench.socket.accept();
    const tries = [...first.sent, ...bench.socket.sent].filter(({ type }) => type === command["type"]);
    assert.equal(tries.length, 3);
    assert.deepEqual(new Set(tries.map((each) => "key" in each && each.key)), new Set([key]));
    ok(bench.socket, { seq: 9, timestamp: "t9", replayed: true });
    assert.equal((await done).replayed, true);
  });
}

test("what changed nothing has no number", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const done = bench.client.react(1, 5, "👍", true, { key });
  ok(socket, { count: 1 });
  assert.deepEqual(await done, { key, replayed: false, count: 1 });
});

test("without a key a change gets a new UUIDv7", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  void bench.client.pin(1, 5);
  assert.match(String(last(socket)["key"]), /^[0-9a-f-]{14}7/);
});

test("a message that names no number is no answer", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const sent: Promise<Sent> = bench.client.send(1, "a");
  ok(socket);
  assert.equal(await outcome(sent), "pending");
});

test("changes to one room keep their order, whatever they are", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const all = [bench.client.send(1, "a"), bench.client.react(1, 1, "👍"), bench.client.pin(1, 1, true)];
  assert.equal(last(socket)["type"], "message");
  fail(socket, "unavailable");
  await bench.clock.advance(10_000);
  ok(socket, { seq: 1, timestamp: "t" });
  assert.equal(last(socket)["type"], "react");
  ok(socket, { seq: 2, timestamp: "t", count: 1 });
  assert.equal(last(socket)["type"], "pin");
  ok(socket, { seq: 3, timestamp: "t" });
  assert.equal((await Promise.all(all)).length, 3);
});

test("a limit that does not pass by itself is final, and the next change goes on", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const many = bench.client.react(1, 1, "👍");
  const next = bench.client.send(1, "a");
  fail(socket, "too_many", { retry_after_ms: 1_000 });
  assert.equal(await outcome(many), "too_many");
  ok(socket, { seq: 1, timestamp: "t" });
  assert.equal((await next).seq, 1);
});

test("a mark is answered with what is unread beyond it", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const mark = bench.client.read(1, 7);
  const { ref: _, ...sent } = last(socket);
  assert.deepEqual(sent, { type: "read", room: 1, seq: 7 });
  ok(socket, { seq: 8, unread: 3, mentions: 1, ordinal: 20 });
  assert.deepEqual(await mark, { seq: 8, unread: 3, mentions: 1, ordinal: 20 });
});

test("marks that wait become one, those that go back do not", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const abort = new AbortController();
  const all = [5, 7, 6].map((seq) => bench.client.read(1, seq));
  const gone = bench.client.read(1, 8, { signal: abort.signal });
  const back = bench.client.read(1, 2, { back: true });
  const again = bench.client.read(1, 9);
  abort.abort();
  const sent: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const { seq, back } = last(socket);
    sent.push(back ? `back to ${String(seq)}` : seq);
    ok(socket, { seq, unread: 0, mentions: 0, ordinal: 9 });
  }
  assert.deepEqual(sent, [5, 8, "back to 2", 9]);
  assert.deepEqual((await Promise.all([...all, back, again])).map(({ seq }) => seq), [5, 8, 8, 2, 9]);
  assert.equal(await outcome(gone), "cancelled");
});

test("a mark is sent again over the next connection", async () => {
  const bench = new Bench();
  const first = await bench.online();
  const mark = bench.client.read(1, 7, { back: true });
  first.end(1006);
  await bench.clock.advance(1_000);
  bench.socket.accept();
  assert.deepEqual({ ...last(bench.socket), ref: 0 }, { type: "read", room: 1, seq: 7, back: true, ref: 0 });
  ok(bench.socket, { seq: 7, unread: 1, mentions: 0, ordinal: 8 });
  assert.equal((await mark).unread, 1);
});

const BAD: Record<string, [(client: ChatClient) => Promise<unknown>, string]> = {
  "a reaction with a slash": [(client) => client.react(1, 1, "a/b"), "reaction"],
  "a reaction of dots": [(client) => client.react(1, 1, ".."), "reaction"],
  "an empty reaction": [(client) => client.react(1, 1, ""), "reaction"],
  "a reaction of 65 bytes": [(client) => client.react(1, 1, "é".repeat(33)), "reaction"],
  "a target that is no number": [(client) => client.edit(1, -1, { content: "a" }), "target"],
  "a reply to no number": [(client) => client.send(1, "a", { reply_to: 1.5 }), "reply_to"],
  "a mention that is no id": [(client) => client.send(1, "a", { mentions: [""] }), "mentions"],
  "meta with U+0000": [(client) => client.send(1, "a", { meta: { a: "\\\0" } }), "meta"],
  "meta with half a character": [(client) => client.send(1, "a", { meta: { "\ud800": 1 } }), "meta"],
  "meta that is a list": [(client) => client.send(1, "a", { meta: [] as never }), "meta"],
  "an edit with a control character": [(client) => client.edit(1, 1, { content: "\u001b" }), "content"],
};
for (const [what, [act, field]] of Object.entries(BAD)) {
  test(`${what} is refused before it reaches the socket`, async () => {
    const bench = new Bench();
    const socket = await bench.online();
    await assert.rejects(act(bench.client), { code: "invalid_field", field });
    assert.deepEqual(socket.sent.map(({ type }) => type), ["ping"]);
  });
}

test("meta may hold any text that JSON can", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const meta = { text: "\\u0000 \\ud800 \n 😀" };
  void bench.client.send(1, "a", { meta });
  assert.deepEqual(last(socket)["meta"], meta);
});
