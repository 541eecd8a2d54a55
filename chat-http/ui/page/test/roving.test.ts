import assert from "node:assert/strict";
import { test } from "node:test";
import { stepOf } from "../roving.ts";

test("arrows go from entry to entry and stop at the ends", () => {
  const from = (at: number): (number | null)[] => ["ArrowUp", "ArrowDown", "Home", "End", "Tab"].map((key) => stepOf(key, at, 4));
  assert.deepEqual(from(0), [null, 1, null, 3, null]);
  assert.deepEqual(from(2), [1, 3, 0, 3, null]);
  assert.deepEqual(from(3), [2, null, 0, null, null]);
});
