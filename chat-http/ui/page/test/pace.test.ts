import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../pace.ts";

/** After drawings that cost so much, the last of which ended at 1,000. */
function paceAfter(cost: number): Pace {
  const pace = new Pace();
  pace.painted(cost);
  pace.drew(1_000);
  return pace;
}

test("a page that is drawn fast is drawn with every frame", () => {
  const pace = new Pace();
  assert.equal(pace.wait(0, 0), 0);
  pace.typed(0);
  assert.equal(pace.wait(0, 0), 0, "nor does a letter hold it up");
});

test("what takes long is done less often, but not seldom", () => {
  assert.equal(paceAfter(40).wait(1_000, 1_000), 60);
  assert.equal(paceAfter(40).wait(1_020, 1_020), 40);
  assert.equal(paceAfter(40).wait(1_100, 1_100), 0);
  assert.equal(paceAfter(5_000).wait(1_000, 1_000), 100);
});

test("who scrolls sees every frame, whatever waits already", () => {
  const pace = paceAfter(40);
  assert.equal(pace.wait(1_000, 1_010), 50);
  pace.scrolled(1_010);
  assert.equal(pace.wait(1_000, 1_010), 0);
  pace.typed(1_010);
  assert.equal(pace.wait(1_000, 1_010), 0, "typing meanwhile");
  assert.equal(pace.wait(1_000, 1_311), 0);
  pace.drew(1_311);
  assert.equal(pace.wait(1_311, 1_311), 60, "the scrolling is over");
});

test("a letter is painted before what takes long", () => {
  const pace = paceAfter(40);
  pace.typed(1_100);
  assert.equal(pace.wait(1_090, 1_100), 50);
  assert.equal(pace.wait(1_090, 1_150), 0);
});

test("however fast someone types, what waits is drawn", () => {
  const pace = paceAfter(40);
  const drawn = (now: number): number => {
    pace.typed(now);
    return pace.wait(1_100, now) > 0 ? drawn(now + 10) : now;
  };
  assert.equal(drawn(1_100), 1_250);
});
