import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

const MESSAGES = 2_000;

test("scrolling up through 2,000 messages does not jump", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("long");
  await fill(server, room);
  const ada = await person("Ada", { room });
  await ada.page.locator(`.row[data-seq="${MESSAGES}"]`).waitFor();

  const { seen, jumps, most } = await ada.page.locator(".list").evaluate(climb);
  assert.deepEqual(jumps, [], "rows moved by something else than the scrolling");
  assert.deepEqual(seen, Array.from({ length: MESSAGES }, (_, index) => index + 1), "every message is seen");
  assert.ok(most < 200, `${most} rows at once: the list is not windowed`);

  // What comes meanwhile is counted, and moves nothing.
  const top = () => ada.page.locator('.row[data-seq="3"]').evaluate((row) => row.getBoundingClientRect().top);
  const before = await top();
  await server.say(room, "Bob", "news");
  await ada.page.getByRole("button", { name: "1 new message" }).waitFor();
  assert.equal(await top(), before);
  await ada.page.getByRole("button", { name: "1 new message" }).click();
  await until(async () => assert.equal((await ada.texts()).at(-1), "news"));
  await until(async () => assert.equal(await ada.page.locator(".jump").count(), 0));
  calm();
});

/** Messages of all lengths by several people, in whatever order they arrive. */
async function fill(server, room) {
  const left = Array.from({ length: MESSAGES }, (_, index) => index);
  const send = async () => {
    for (let each = left.pop(); each !== undefined; each = left.pop()) {
      const text = `${each} ${"lorem ipsum dolor sit amet ".repeat((each * 7) % 23)}${each % 11 === 0 ? "\n\nand\nmore" : ""}`;
      await server.say(room, ["Bob", "Cem", "Dora"][(each >> 2) % 3], text);
    }
  };
  await Promise.all(Array.from({ length: 32 }, send));
}

/** In the page: scrolls up step by step to the first message, and watches where a row goes in each. */
async function climb(pane) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const rows = () => [...pane.querySelectorAll(".row[data-seq]")];
  const seen = new Set();
  const jumps = [];
  let most = 0;
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const edges = pane.getBoundingClientRect();
    const visible = rows().filter((row) => row.getBoundingClientRect().bottom > edges.top && row.getBoundingClientRect().top < edges.bottom);
    for (const row of visible) seen.add(Number(row.dataset.seq));
    most = Math.max(most, rows().length);
    if (pane.scrollTop <= 0 && seen.has(1)) break;
    const mark = visible[0];
    // Its lower edge: above it a day or a name may go, once what came before is known.
    const before = mark.getBoundingClientRect().bottom;
    // As far as a wheel that is turned fast goes between two frames.
    const step = Math.min(300, pane.scrollTop);
    pane.scrollTop -= step;
    await frame();
    const now = pane.querySelector(`.row[data-seq="${mark.dataset.seq}"]`);
    const moved = now ? now.getBoundingClientRect().bottom - before : NaN;
    if (!(Math.abs(moved - step) <= 2)) jumps.push({ seq: Number(mark.dataset.seq), step, moved });
  }
  return { seen: [...seen].sort((a, b) => a - b), jumps, most };
}
