import assert from "node:assert/strict";
import { test } from "node:test";
import { Edges } from "../edges.ts";

/** Rows of these heights. */
function rows(heights: number[]): Edges {
  const edges = new Edges();
  edges.sum(0, heights.length, (index) => heights[index] as number);
  return edges;
}

test("rows are found by where they are", () => {
  const edges = rows([10, 20, 30]);
  assert.deepEqual([0, 1, 2, 3, 9].map((index) => edges.of(index)), [0, 10, 30, 60, 60]);
  assert.deepEqual([-5, 0, 9, 10, 29, 30, 59, 60, 99].map((y) => edges.at(y)), [0, 0, 0, 1, 1, 2, 2, 3, 3]);
});

test("heights are summed up anew from the first that is another", () => {
  const edges = rows([10, 20, 30]);
  edges.sum(1, 4, (index) => (index === 0 ? assert.fail("it is known") : 5));
  assert.deepEqual([1, 2, 3, 4].map((index) => edges.of(index)), [10, 15, 20, 25]);
  edges.sum(2, 2, () => 5);
  assert.equal(edges.of(4), 15);
  edges.forget();
  assert.equal(edges.count, 0);
});

test("there may be more rows than there was room for", () => {
  const many = Array.from({ length: 1_000 }, () => 2);
  const edges = rows([1]);
  edges.sum(1, many.length, () => 2);
  assert.equal(edges.of(many.length), 1 + 999 * 2);
});

test("the uppermost row that is drawn stays where it is", () => {
  const edges = rows(Array.from({ length: 100 }, () => 10));
  const kept = (y: number, start: number, end: number): number => edges.toKeep(y, 50, { start, end });
  assert.equal(kept(500, 40, 60), 50, "all in the window are drawn");
  assert.equal(kept(475, 50, 60), 50, "someone scrolled up faster than it was drawn");
  assert.equal(kept(455, 50, 60), 50, "only its edge is in the window");
  assert.equal(kept(500, 40, 51), 50, "someone scrolled down faster than it was drawn");
  assert.equal(kept(450, 50, 60), 45, "all that is drawn is below the window");
  assert.equal(kept(500, 40, 50), 50, "all that is drawn is above the window");
  assert.equal(kept(-20, 0, 10), 0, "what stands above the rows is in the window");
});

test("only a row that is drawn, and in the window, is the last that was seen", () => {
  const edges = rows(Array.from({ length: 100 }, () => 10));
  const seen = (y: number, start: number, end: number): number | null => edges.lastDrawn(y, 50, { start, end });
  assert.equal(seen(505, 40, 60), 50, "all in the window are drawn");
  assert.equal(seen(505, 0, 0), null, "nothing is drawn yet");
  assert.equal(seen(505, 40, 48), 47, "the window is higher than what is drawn");
  assert.equal(seen(505, 40, 45), null, "all that is drawn is above the window");
  assert.equal(seen(505, 60, 70), null, "all that is drawn is below the window");
  assert.equal(seen(2_000, 90, 100), null, "the window is far below the last row");
  assert.equal(seen(1_020, 90, 100), 99, "the last row is in the window");
  assert.equal(rows([]).lastDrawn(500, 500, { start: 0, end: 1 }), null);
});
