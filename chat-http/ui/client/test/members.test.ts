/** Who is in a room, as the client hears it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isMemberChanged, type ChatError, type MemberChanged, type RoomEvent } from "../src/index.ts";
import { settle } from "./fake-clock.ts";
import { Bench } from "./fake-socket.ts";

const until = "2099-01-01T00:00:00.000Z";

function changed(seq: number, change: string, more: object = {}): object {
  const member = { user: "bob", username: "Bob" };
  return { type: "member", room: 1, seq, change, member, user: "ann", username: "Ann", timestamp: until, ...more };
}

/** A client that is attached to room 1, after event 5. */
async function attached(): Promise<{ bench: Bench; events: RoomEvent[]; ended: (ChatError | null)[] }> {
  const bench = new Bench();
  await bench.online();
  const events: RoomEvent[] = [];
  const ended: (ChatError | null)[] = [];
  bench.client.attach(1, { event: (event) => void events.push(event), ended: (error) => void ended.push(error) });
  const { ref } = bench.socket.of("attach")[0]!;
  bench.socket.frame({ type: "attached", ref, room: 1, epoch: "e", head: 5, events: [] });
  return { bench, events, ended };
}

test("changes of members are events in their place, and say whom they are about", async () => {
  const { bench, events } = await attached();
  bench.socket.frame(changed(6, "added", { member: { user: "bob", username: "Bob", role: "moderator" } }));
  bench.socket.frame(changed(7, "muted", { until, reason: "spam" }));
  const heard: MemberChanged[] = events.filter(isMemberChanged);
  assert.deepEqual(heard.map(({ change, member }) => [change, member.user, member.role]), [
    ["added", "bob", "moderator"],
    ["muted", "bob", undefined],
  ]);
  assert.deepEqual([heard[1]!.until, heard[1]!.reason], [until, "spam"]);
});

test("whoever is banned is told so, and hears no more", async () => {
  const { bench, events, ended } = await attached();
  bench.socket.frame(changed(6, "banned", { until }));
  bench.socket.frame({ type: "detached", room: 1, reason: "banned" });
  bench.socket.frame(changed(7, "left"));
  assert.deepEqual([events.length, ended.map((error) => error?.code)], [1, ["banned"]]);
});

test("a refusal says until when it holds", async () => {
  const { bench } = await attached();
  const sent = bench.client.send(1, "Hello!");
  await settle();
  const { ref } = bench.socket.of("message")[0]!;
  bench.socket.frame({ type: "error", ref, room: 1, code: "muted", message: "you are muted in this room", until });
  await assert.rejects(sent, { code: "muted", until, retryable: false });
});
