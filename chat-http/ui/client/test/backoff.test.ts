import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../src/backoff.ts";
import { seeded } from "./fake-clock.ts";

const longest = (failures: number): number => backoff(failures, () => 1);

test("the first retry comes within half a second", () => {
  assert.equal(longest(1), 500);
});

test("the pauses double up to thirty seconds and stay there for ever", () => {
  assert.deepEqual([2, 3, 4, 5, 6, 7, 8].map(longest), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(longest(1_000_000), 30_000);
});

test("while somebody looks, it is at most five to eight seconds", () => {
  const random = seeded(2);
  let most = 0;
  for (let i = 0; i < 4_000; i++) most = Math.max(most, backoff(60, random, true));
  assert.ok(most > 7_000 && most <= 8_000, `${most}`);
  assert.equal(backoff(60, () => 1, true), 8_000);
  assert.equal(backoff(1, () => 1, true), 500);
});

test("the jitter is full: pauses fill the whole range evenly", () => {
  const random = seeded(1);
  const quarters = [0, 0, 0, 0];
  for (let i = 0; i < 4_000; i++) quarters[Math.floor(backoff(7, random) / 7_500)]! += 1;
  for (const count of quarters) assert.ok(count > 850 && count < 1_150, `quarters: ${quarters.join(" ")}`);
});
