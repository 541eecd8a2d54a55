import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

const numbered = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => `message ${from + index}`);

/** The first and the last message that can be seen. */
function shown(page) {
  return page.evaluate(() => {
    const pane = document.querySelector(".list").getBoundingClientRect();
    const rows = [...document.querySelectorAll(".row")].filter((row) => {
      const { top, bottom } = row.querySelector(".bubble, .notice").getBoundingClientRect();
      return bottom > pane.top + 4 && top < pane.bottom - 4;
    });
    return [rows[0], rows.at(-1)].map((row) => row?.querySelector(".text")?.textContent);
  });
}

async function mark(server, room) {
  const { marks } = await server.call("GET", `/rooms/${room}/reads?username=Ada&limit=1`);
  return marks[0].seq;
}

test("a room with many unread messages opens at the first of them, and what was not on screen stays unread", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const other = await server.room("other");
  for (const text of numbered(1, 60)) await server.say(room, "Bob", text);
  const ada = await person("Ada", { room });
  await until(async () => assert.equal(await mark(server, room), 60));
  await ada.go(other);
  for (const text of numbered(61, 310)) await server.say(room, "Bob", text);

  await ada.go(room);
  await ada.page.getByText(/^250 new since \d/).waitFor();
  await until(async () => assert.equal((await shown(ada.page)).includes("message 310"), false));
  const [first, last] = await shown(ada.page);
  assert.ok(Number(first.split(" ")[1]) <= 61, first);
  const seen = Number(last.split(" ")[1]);
  await until(async () => assert.equal(await mark(server, room), seen));
  assert.ok(seen < 100, last);
  assert.equal(await ada.page.title(), `(99+) general · Chat`);
  await ada.page.getByRole("button", { name: `${310 - seen} new messages` }).waitFor();

  // Scrolling on loads what follows, and marks what comes into sight.
  await ada.page.locator(".list").hover();
  await until(async () => {
    await ada.page.mouse.wheel(0, 900);
    assert.equal((await shown(ada.page))[1], "message 310");
  });
  await until(async () => assert.equal(await mark(server, room), 310));
  const rows = await ada.page.evaluate(() => document.querySelectorAll(".row").length);
  assert.ok(rows < 150, `${rows} rows`);

  // A message that comes while something older is looked at stays unread; the button goes there, over all that lies between.
  await ada.go(other);
  for (const text of numbered(311, 520)) await server.say(room, "Bob", text);
  await ada.go(room);
  await ada.page.getByText(/^210 new since/).waitFor();
  await server.say(room, "Bob", "message 521");
  await ada.page.getByRole("button", { name: /\d{3} new messages/ }).click();
  await until(async () => assert.equal((await shown(ada.page))[1], "message 521"));
  await ada.say("message 522");
  await until(async () => assert.equal((await shown(ada.page))[1], "message 522"));
  calm();
});

test("of high messages, too, what was not on screen stays unread", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const other = await server.room("other");
  await server.say(room, "Bob", "`message 1`");
  const ada = await person("Ada", { room });
  await ada.page.locator(".text code").waitFor();
  await until(async () => assert.equal(await mark(server, room), 1));
  await ada.go(other);
  // Each has its author above it, and an answer what it answers; some have code, which has a frame of its own.
  for (let number = 2; number <= 80; number += 1) {
    const content = number % 3 === 0 ? `\`\`\`\n${"line\n".repeat(4)}\`\`\`\nmessage ${number}` : `message ${number}`;
    await server.call("POST", `/rooms/${room}/messages?username=${number % 2 === 0 ? "Bob" : "Cyd"}`, { content, reply_to: number - 1 });
  }
  await ada.go(room);
  await ada.page.getByText(/^79 new since \d/).waitFor();
  await until(async () => assert.ok((await mark(server, room)) > 1));
  const seen = await lastShown(ada.page);
  assert.equal(await mark(server, room), seen);

  // A link into the middle of what is unread marks what can be seen there, and no more.
  await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}/50`), room);
  await ada.page.locator('[data-seq="50"].marked').waitFor();
  await until(async () => assert.ok((await mark(server, room)) >= 50));
  assert.equal(await mark(server, room), await lastShown(ada.page));
  calm();
});

test("reload and Back keep the place, and a hidden tab has a line at what came meanwhile", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const other = await server.room("other");
  for (const text of numbered(1, 400)) await server.say(room, "Bob", text);
  const ada = await person("Ada", { room });
  await ada.page.locator(".list").hover();
  await until(async () => {
    await ada.page.mouse.wheel(0, -1500);
    assert.ok(Number((await shown(ada.page))[0].split(" ")[1]) < 180);
  });
  // The browser takes note of the place after a moment.
  let first;
  await until(async () => {
    [first] = await shown(ada.page);
    const kept = await ada.page.evaluate(() => history.state?.place?.seq);
    assert.ok(Math.abs(kept - Number(first.split(" ")[1])) <= 1, `${kept} of ${first}`);
  });
  await ada.page.reload();
  await until(async () => assert.equal((await shown(ada.page))[0], first));
  await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}`), other);
  await ada.page.getByRole("heading", { name: "other" }).first().waitFor();
  await ada.page.goBack();
  await until(async () => assert.equal((await shown(ada.page))[0], first));

  // Nobody looks: what comes then has a line above it.
  await ada.page.getByRole("button", { name: "Go to the newest message" }).click();
  await until(async () => assert.equal((await shown(ada.page))[1], "message 400"));
  assert.equal(await ada.page.locator(".unread-line").count(), 0);
  await hide(ada.page, true);
  await server.say(room, "Bob", "message 401");
  await server.say(room, "Bob", "message 402");
  await ada.page.getByText(/^2 new since/).waitFor();
  assert.equal(await ada.page.title(), "(2) general · Chat");
  await hide(ada.page, false);
  await until(async () => assert.equal(await ada.page.title(), "general · Chat"));
  assert.equal(await ada.page.locator(".row", { hasText: "message 401" }).locator(".unread-line").count(), 1);
  calm();
});

/** The number of the last message that can be seen. */
function lastShown(page) {
  return page.evaluate(() => {
    const pane = document.querySelector(".list").getBoundingClientRect();
    return Math.max(...[...document.querySelectorAll(".row[data-seq]")].filter((row) => row.getBoundingClientRect().top < pane.bottom - 8).map((row) => Number(row.dataset.seq)));
  });
}

/** As if another tab were looked at: headless browsers show all of them. */
function hide(page, isHidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}
