/** What is shown when an answer does not come. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { LATE_MS, noticingLate } from "../late.ts";

/** How often an answer was found to be late that came after so long, or failed then. */
async function lateness(after: number, fails = false): Promise<number> {
  mock.timers.enable({ apis: ["setTimeout"] });
  let late = 0;
  const answer = new Promise<string>((resolve, reject) => setTimeout(() => (fails ? reject(new Error("away")) : resolve("answer")), after));
  const outcome = noticingLate(answer, () => (late += 1)).catch((error: Error) => error.message);
  mock.timers.tick(after);
  assert.equal(await outcome, fails ? "away" : "answer");
  mock.timers.tick(10 * LATE_MS);
  mock.timers.reset();
  return late;
}

test("an answer that comes soon, or fails soon, is not late", async () => {
  assert.equal(await lateness(LATE_MS - 1), 0);
  assert.equal(await lateness(LATE_MS - 1, true), 0);
});

test("an answer that takes longer is late once, and is an answer all the same", async () => {
  assert.equal(await lateness(5 * LATE_MS), 1);
  assert.equal(await lateness(15 * LATE_MS, true), 1);
});
