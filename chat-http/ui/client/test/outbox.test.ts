import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatError, Sent } from "../src/index.ts";
import { settle } from "./fake-clock.ts";
import { Bench, type FakeSocket } from "./fake-socket.ts";

const ok = (socket: FakeSocket, seq: number, more: object = {}): void => {
  const { ref, room } = socket.of("message").at(-1)!;
  socket.frame({ type: "ok", ref, room, seq, timestamp: `t${seq}`, ...more });
};
const fail = (socket: FakeSocket, code: string, more: object = {}): void => {
  const { ref, room } = socket.of("message").at(-1)!;
  socket.frame({ type: "error", ref, room, code, message: code, ...more });
};
const contents = (socket: FakeSocket): string[] => socket.of("message").map((command) => command.content);

/** What has become of a promise by now. */
async function outcome(promise: Promise<Sent>): Promise<Sent | string> {
  const pending = settle().then(() => "pending");
  return Promise.race([promise.catch((error: ChatError) => error.code), pending]);
}

test("a message is sent with a key and settled by its answer", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const sent = bench.client.send(3, "Hello!", { key: "k1" });
  const [command] = socket.of("message");
  assert.deepEqual({ ...command, ref: "" }, { type: "message", room: 3, content: "Hello!", key: "k1", ref: "" });
  assert.equal(await outcome(sent), "pending");
  ok(socket, 58);
  assert.deepEqual(await sent, { seq: 58, timestamp: "t58", replayed: false, key: "k1" });
});

test("a message does not wait for the answer to a mark", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  void bench.client.read(3, 7);
  void bench.client.send(3, "Hello!");
  assert.deepEqual([socket.of("read").length, contents(socket)], [1, ["Hello!"]]);
});

test("without a key it gets a new UUIDv7", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  void bench.client.send(1, "a");
  void bench.client.send(2, "b");
  const [first, second] = socket.of("message");
  assert.match(first!.key, /^[0-9a-f-]{14}7/);
  assert.ok(first!.key < second!.key);
});

test("messages given while offline go out in order once there is a connection", async () => {
  const bench = new Bench();
  const all = ["a", "b", "c"].map((content) => bench.client.send(1, content));
  const socket = await bench.online();
  for (const seq of [1, 2, 3]) ok(socket, seq);
  assert.deepEqual(contents(socket), ["a", "b", "c"]);
  assert.deepEqual(
    (await Promise.all(all)).map((sent) => sent.seq),
    [1, 2, 3],
  );
});

test("a message that was not answered is sent again over the next connection with the same key", async () => {
  const bench = new Bench();
  const first = await bench.online();
  const sent = bench.client.send(1, "Hello!");
  first.end(1006);
  await bench.clock.advance(1_000);
  bench.socket.accept();
  assert.equal(bench.socket.of("message")[0]!.key, first.of("message")[0]!.key);
  ok(bench.socket, 9, { replayed: true });
  assert.equal((await sent).replayed, true);
});

test("a message that is refused for now is tried again, and none overtakes it", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const first = bench.client.send(1, "first");
  const second = bench.client.send(1, "second");
  for (const code of ["unavailable", "overloaded", "storage_full", "outcome_unknown", "rate_limited"]) {
    fail(socket, code);
    await bench.clock.advance(10_000);
  }
  assert.deepEqual(contents(socket), Array(6).fill("first"));
  assert.equal(new Set(socket.of("message").map((command) => command.key)).size, 1);
  ok(socket, 1);
  ok(socket, 2);
  assert.deepEqual([(await first).seq, (await second).seq], [1, 2]);
});

test("retry_after_ms is waited for, also over a reconnect", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  void bench.client.send(1, "Hello!");
  fail(socket, "rate_limited", { retry_after_ms: 8_000 });
  socket.end(1006);
  await bench.clock.advance(1_000);
  bench.socket.accept();
  await bench.clock.advance(6_000);
  assert.deepEqual(contents(bench.socket), []);
  await bench.clock.advance(1_500);
  assert.deepEqual(contents(bench.socket), ["Hello!"]);
});

test("a final refusal rejects, and the next message goes on", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const first = bench.client.send(1, "first");
  const second = bench.client.send(1, "second");
  fail(socket, "forbidden", { field: "content" });
  await assert.rejects(first, { name: "ChatError", code: "forbidden", field: "content", retryable: false });
  ok(socket, 1);
  assert.equal((await second).seq, 1);
});

test("an answer to a message that was not sent yet is not believed", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const first = bench.client.send(1, "first");
  const second = bench.client.send(1, "second");
  const next = `c${Number(socket.of("message")[0]!.ref.slice(1)) + 1}`;
  socket.frame({ type: "ok", ref: next, room: 1, seq: 1, timestamp: "t1" });
  assert.deepEqual([await outcome(first), await outcome(second)], ["pending", "pending"]);
});

test("rooms do not wait for each other", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  void bench.client.send(1, "a");
  void bench.client.send(2, "b");
  assert.deepEqual(contents(socket), ["a", "b"]);
});

test("an answer that never comes is asked for again; one that comes twice counts once", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const sent = bench.client.send(1, "Hello!");
  for (let second = 0; second < 21; second++) {
    await bench.clock.advance(1_000);
    socket.frame({ type: "pong" });
  }
  assert.deepEqual(contents(socket), ["Hello!", "Hello!"]);
  ok(socket, 4);
  ok(socket, 4, { replayed: true });
  assert.deepEqual(await outcome(sent), { seq: 4, timestamp: "t4", replayed: false, key: socket.of("message")[0]!.key });
});

test("a message can be cancelled while it waits, and is then never sent", async () => {
  const bench = new Bench();
  const abort = new AbortController();
  const gone = bench.client.send(1, "gone", { signal: abort.signal });
  const stays = bench.client.send(1, "stays");
  abort.abort();
  assert.equal(await outcome(gone), "cancelled");
  const socket = await bench.online();
  ok(socket, 1);
  assert.deepEqual(contents(socket), ["stays"]);
  assert.equal((await stays).seq, 1);
});

test("cancelling a message under way lets the next one go, and its own answer harms nothing", async () => {
  const bench = new Bench();
  const socket = await bench.online();
  const abort = new AbortController();
  const gone = bench.client.send(1, "gone", { signal: abort.signal });
  const stays = bench.client.send(1, "stays");
  abort.abort();
  assert.equal(await outcome(gone), "cancelled");
  const { ref } = socket.of("message")[0]!;
  socket.frame({ type: "ok", ref, room: 1, seq: 1, timestamp: "t1" });
  assert.equal(await outcome(stays), "pending");
  ok(socket, 2);
  assert.equal((await stays).seq, 2);
});

test("stop rejects what is not answered", async () => {
  const bench = new Bench();
  await bench.online();
  const all = [bench.client.send(1, "a"), bench.client.send(1, "b"), bench.client.send(2, "c")];
  bench.client.stop();
  for (const sent of all) assert.equal(await outcome(sent), "cancelled");
});

test("a server that does not let the client in rejects what waits and what comes", async () => {
  const bench = new Bench();
  await bench.online();
  const waiting = bench.client.send(1, "a");
  bench.socket.end(4403, "banned");
  assert.equal(await outcome(waiting), "refused");
  assert.equal(await outcome(bench.client.send(1, "b")), "refused");
});

for (const [what, [room, content, key, code]] of Object.entries({
  "U+0000": [1, "a\0b", "k", "invalid_field"],
  "half a character": [1, "a\ud800b", "k", "invalid_field"],
  "more than a frame holds": [1, "é".repeat(140_000), "k", "too_long"],
  "more than a frame holds once escaped": [1, '"'.repeat(140_000), "k", "too_long"],
  "a control character": [1, "a\u001B[2Jb", "k", "invalid_field"],
  "a carriage return alone": [1, "a\rb", "k", "invalid_field"],
  "a key with a blank": [1, "a", "k k", "invalid_field"],
  "a key of 65 characters": [1, "a", "k".repeat(65), "invalid_field"],
  "a room that is no whole number": [1.5, "a", "k", "invalid_field"],
} as const)) {
  test(`${what} is refused before it reaches the socket`, async () => {
    const bench = new Bench();
    const socket = await bench.online();
    assert.equal(await outcome(bench.client.send(room, content, { key })), code);
    assert.deepEqual(socket.of("message"), []);
  });
}
