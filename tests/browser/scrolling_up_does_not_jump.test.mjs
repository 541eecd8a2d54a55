import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

const MESSAGES = 2_000;

test("scrolling up through 2,000 messages does not jump", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("long");
  await fill(server, room);
  const ada = await person("Ada");
  const { seen, jumps, gaps, most } = await ada.page.evaluate(climb, [`#/rooms/${room}`, MESSAGES]);
  assert.deepEqual(jumps, [], "rows moved by something else than the scrolling");
  assert.deepEqual(gaps, [], "there was nothing where rows should be");
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

/** In the page: enters, scrolls up step by step to the first message as soon as there is one, and watches where a row goes in each. */
async function climb([room, newest]) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const rows = () => [...document.querySelectorAll(".list .row[data-seq]")];
  const seen = new Set();
  const [jumps, gaps] = [[], []];
  let most = 0;
  // The first drawings take long, as on a slow machine.
  const slow = new MutationObserver(() => {
    for (const until = performance.now() + 70; rows().length === 0 && performance.now() < until; );
  });
  slow.observe(document.body, { childList: true, subtree: true });
  location.hash = room;
  const end = performance.now() + 60_000;
  while (!document.querySelector(`.row[data-seq="${newest}"]`) && performance.now() < end) await frame();
  slow.disconnect();
  const pane = document.querySelector(".list");
  while (performance.now() < end) {
    const edges = pane.getBoundingClientRect();
    const visible = rows().filter((row) => row.getBoundingClientRect().bottom > edges.top && row.getBoundingClientRect().top < edges.bottom);
    for (const row of visible) seen.add(Number(row.dataset.seq));
    most = Math.max(most, rows().length);
    if (pane.scrollTop <= 0 && seen.has(1)) break;
    const mark = visible[0];
    if (!mark) {
      gaps.push({ gap: edges.height });
      await frame();
      continue;
    }
    const seq = Number(mark.dataset.seq);
    // What keeps the place of rows that are not drawn.
    const above = pane.querySelector(".rows").previousElementSibling.getBoundingClientRect();
    if (above.height > 0 && above.bottom > edges.top + 1) gaps.push({ seq, gap: above.bottom - edges.top });
    // Its lower edge: above it a day or a name may go, once what came before is known.
    const before = mark.getBoundingClientRect().bottom;
    // As far as a wheel that is turned fast goes between two frames.
    const step = Math.min(300, pane.scrollTop);
    pane.scrollTop -= step;
    await frame();
    const now = pane.querySelector(`.row[data-seq="${seq}"]`);
    const moved = now ? now.getBoundingClientRect().bottom - before : NaN;
    if (!(Math.abs(moved - step) <= 2)) jumps.push({ seq, step, moved });
  }
  return { seen: [...seen].sort((a, b) => a - b), jumps, gaps, most };
}
