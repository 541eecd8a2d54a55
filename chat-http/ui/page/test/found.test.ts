/** What is found for what is being typed. */
import assert from "node:assert/strict";
import { beforeEach, afterEach, mock, test } from "node:test";
import { findSoon, SEARCH_MS } from "../found.ts";

const asked: string[] = [];
const found: string[] = [];
/** Answers the questions, in whatever order. */
let answers: Record<string, () => void> = {};

/** The answer to a query is its own text, once it is given. */
function type(query: string | null): () => void {
  return findSoon(query, (of) => new Promise<string[]>((resolve) => (asked.push(of), (answers[of] = () => resolve([of])))), (all) => found.push(all.join()));
}

async function answer(query: string): Promise<void> {
  answers[query]?.();
  await Promise.resolve();
}

beforeEach(() => {
  asked.length = found.length = 0;
  answers = {};
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => mock.timers.reset());

test("the server is asked once nobody has typed for a moment", async () => {
  const end = type("a");
  mock.timers.tick(SEARCH_MS - 1);
  end();
  type("ad");
  mock.timers.tick(SEARCH_MS - 1);
  assert.deepEqual(asked, []);
  mock.timers.tick(1);
  assert.deepEqual(asked, ["ad"]);
  await answer("ad");
  assert.deepEqual(found, ["ad"]);
});

test("an answer counts until something else is typed", async () => {
  const end = type("a");
  mock.timers.tick(SEARCH_MS);
  end();
  type("ad");
  mock.timers.tick(SEARCH_MS);
  await answer("ad");
  await answer("a");
  assert.deepEqual(found, ["ad"]);
});

test("for nothing, nothing is asked, and nothing is found", () => {
  type(null)();
  mock.timers.tick(SEARCH_MS);
  assert.deepEqual([asked, found], [[], [""]]);
});

test("where the server does not answer, what was found stays", async () => {
  findSoon("a", async () => Promise.reject(new Error("away")), () => assert.fail("nothing was found"));
  mock.timers.tick(SEARCH_MS);
  await Promise.resolve();
});
