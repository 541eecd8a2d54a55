import assert from "node:assert/strict";
import { test } from "node:test";
import { TypingThrottle } from "../src/typing.ts";
import { Bench } from "./fake-socket.ts";

async function attached(): Promise<Bench> {
  const bench = new Bench();
  const socket = await bench.online();
  bench.client.attach(1, {});
  socket.frame({ type: "attached", ref: socket.of("attach")[0]!.ref, room: 1, epoch: "e", head: 0, events: [] });
  return bench;
}

const said = (bench: Bench): boolean[] => bench.socket.of("typing").map((command) => command.is_typing);

test("keystrokes refresh at most every three seconds", async () => {
  const bench = await attached();
  for (let ms = 0; ms < 9_000; ms += 100) {
    bench.client.typing(1, true);
    await bench.clock.advance(100);
  }
  assert.deepEqual(said(bench), [true, true, true]);
});

test("the stop is sent once, and only after a start", async () => {
  const bench = await attached();
  bench.client.typing(1, false);
  bench.client.typing(1, true);
  bench.client.typing(1, false);
  bench.client.typing(1, false);
  bench.client.typing(1, true);
  assert.deepEqual(said(bench), [true, false, true]);
});

test("after a message there is nothing to stop, and the next keystroke starts anew", async () => {
  const bench = await attached();
  bench.client.typing(1, true);
  void bench.client.send(1, "Hello!");
  bench.client.typing(1, false);
  assert.deepEqual(said(bench), [true]);
  bench.client.typing(1, true);
  assert.deepEqual(said(bench), [true, true]);
});

test("nothing is sent for a room that is not attached, nor is it made up for later", async () => {
  const bench = await attached();
  bench.client.typing(2, true);
  bench.socket.end(1006);
  bench.client.typing(1, true);
  await bench.clock.advance(1_000);
  bench.socket.accept();
  assert.equal(bench.sockets.length, 2);
  assert.deepEqual(said(bench), []);
});

test("rooms are throttled apart", () => {
  const throttle = new TypingThrottle(() => 0);
  assert.deepEqual([throttle.due(1, true), throttle.due(2, true), throttle.due(1, true)], [true, true, false]);
});

test("a clock that is set back does not silence the room", () => {
  let now = 100_000;
  const throttle = new TypingThrottle(() => now);
  assert.equal(throttle.due(1, true), true);
  now = 10_000;
  assert.equal(throttle.due(1, true), true);
});
