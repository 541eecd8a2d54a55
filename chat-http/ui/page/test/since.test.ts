import assert from "node:assert/strict";
import { test } from "node:test";
import { beginningOf, firstSince } from "../messages/since.ts";

/** Looks in a room with these messages, by their numbers and times. */
async function look(messages: [number, number][], at: number, head = messages.at(-1)?.[0] ?? 0): Promise<{ found: number | null; asked: number }> {
  let asked = 0;
  const probe = async (from: number): Promise<{ seq: number; at: number } | null> => {
    asked += 1;
    const there = messages.find(([seq]) => seq >= from);
    return there ? { seq: there[0], at: there[1] } : null;
  };
  return { found: await firstSince(at, head, probe), asked };
}

test("the first message that is not older is found, whatever lies between the messages", async () => {
  let state = 7;
  const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 300; round++) {
    // Stretches without messages, at the beginning also what was pruned.
    const messages: [number, number][] = [];
    for (let seq = 1 + random(40), at = 0; messages.length < random(30); seq += 1 + random(9)) messages.push([seq, (at += random(3))]);
    const head = (messages.at(-1)?.[0] ?? 0) + random(20);
    const at = random(30);
    const wanted = messages.find(([, time]) => time >= at)?.[0] ?? null;
    assert.equal((await look(messages, at, head)).found, wanted, JSON.stringify({ messages, at, head }));
  }
});

test("twenty requests are enough for a million messages", async () => {
  const messages = (seq: number): { seq: number; at: number } => ({ seq, at: seq });
  let asked = 0;
  const found = await firstSince(765_432, 1_000_000, async (seq) => (asked++, messages(seq)));
  assert.deepEqual([found, asked <= 20], [765_432, true]);
  asked = 0;
  await firstSince(2 ** 40, 2 ** 50, async (seq) => (asked++, messages(seq)));
  assert.equal(asked, 20, "no room is asked more often");
});

test("a day begins where people are", () => {
  assert.equal(beginningOf("2026-11-03"), new Date(2026, 10, 3).getTime());
  assert.deepEqual(["", "2026-11", "today"].map(beginningOf), [null, null, null]);
});
