import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const MARKED = "**bold** *slanted* ~~gone~~ `code`\n> quoted\nanswer\n- one\n- two\n\n[words](https://x.example/a) and https://y.example/_b_/c";

test("messages have formatting", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("marks");
  await server.say(room, "Bob", "no marks");
  const ada = await person("Ada", { room, context: { permissions: ["clipboard-read", "clipboard-write"] } });
  const { page } = ada;
  const asked = [];
  page.on("request", (request) => new URL(request.url()).pathname === "/markup.js" && asked.push(request.url()));
  await ada.say("nothing to see: 5 - 3 = 2");
  await ada.sees(["no marks", "nothing to see: 5 - 3 = 2"]);
  assert.equal(asked.length, 0);

  await server.say(room, "Bob", MARKED);
  const row = page.locator(".row").last();
  await row.locator("strong").waitFor();
  const inside = async (selector) => assert.deepEqual(await row.locator(`.text ${selector}`).allTextContents(), INSIDE[selector], selector);
  for (const selector of Object.keys(INSIDE)) await inside(selector);
  const links = await row.locator(".text a").evaluateAll((all) => all.map(({ href, rel, target }) => [href, rel, target]));
  for (const [, rel, target] of links) assert.deepEqual([rel, target], ["noopener noreferrer nofollow", "_blank"]);
  assert.deepEqual(links.map(([href]) => href), ["https://x.example/a", "https://y.example/_b_/c"]);

  // As it was written is one click away, and what is copied.
  const choose = async (act) => {
    await row.locator(".line").hover();
    await row.getByRole("button", { name: "More" }).click();
    await page.locator(".message-menu").getByRole("button", { name: act }).click();
  };
  await choose("Show as written");
  await until(async () => assert.equal(await row.locator(".text").textContent(), MARKED));
  await choose("Copy message");
  await until(async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), MARKED));
  await choose("Show formatted");
  await row.locator("strong").waitFor();

  // Where there is one line for it, it has no marks.
  const line = "bold slanted gone code quoted answer one two words and https://y.example/_b_/c";
  await row.locator(".line").hover();
  await row.getByRole("button", { name: "Answer" }).click();
  await until(async () => assert.equal(await page.locator(".answering .quote-text").textContent(), line));
  await ada.say("answered");
  await until(async () => assert.equal(await page.locator(".quote .quote-text").textContent(), line));

  // A block of code is copied by itself. Links that lead elsewhere than they say, or nowhere, are none.
  await server.say(room, "Bob", "```js\nlet a = 1;\n  b\n```\n[https://bank.example](https://x.example) [a](javascript:run(1))");
  await page.getByRole("button", { name: "Copy code" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "let a = 1;\n  b");
  assert.equal(await page.locator(".row").last().locator(".text a").count(), 0);
  assert.equal(asked.length, 1);

  // What the rows take up is what they have after the parser came: the end stays in sight.
  await until(async () => assert.ok(await page.locator(".list").evaluate((list) => list.scrollHeight - list.clientHeight - list.scrollTop < 2)));
  await look(page);
  calm();
});

test("long messages are unfolded where they are", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("long");
  const text = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
  for (let at = 0; at < 80; at++) await server.say(room, "Bob", at === 50 ? text : `message ${at}`);
  await server.say(room, "Bob", text);
  const ada = await person("Ada", { room });
  const { page } = ada;
  const lines = async (row) => (await row.locator(".text").textContent()).split("\n").length;
  const topOf = async (row) => Math.round((await row.boundingBox()).y);

  // The last one, with the list at its end: what one begins to read stays.
  const last = page.locator(".row").last();
  assert.equal(await lines(last), 12);
  const top = await topOf(last);
  await last.getByRole("button", { name: "Show more" }).click();
  await until(async () => assert.equal(await lines(last), 100));
  assert.equal(await topOf(last), top);

  // Rows that were gone come back as they were left.
  const list = page.locator(".list");
  const middle = page.locator('.row[data-seq="51"]');
  await list.evaluate((pane) => (pane.scrollTop = 0));
  for (let step = 0; !(await middle.isVisible()) && step < 30; step++) await list.evaluate((pane) => (pane.scrollTop += 300));
  await middle.getByRole("button", { name: "Show more" }).click();
  await until(async () => assert.equal(await lines(middle), 100));
  await list.evaluate((pane) => (pane.scrollTop = 0));
  await middle.waitFor({ state: "detached" });
  for (let step = 0; !(await middle.isVisible()) && step < 30; step++) await list.evaluate((pane) => (pane.scrollTop += 300));
  assert.equal(await lines(middle), 100);

  // Folded, its lower edge stays.
  const fold = middle.getByRole("button", { name: "Show less" });
  await fold.scrollIntoViewIfNeeded();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  const bottom = await topOf(fold);
  await fold.click();
  const more = middle.getByRole("button", { name: "Show more" });
  await until(async () => assert.ok(Math.abs((await topOf(more)) - bottom) <= 1, `${await topOf(more)}, ${bottom}`));
  await look(page);
  calm();
});

const INSIDE = { strong: ["bold"], em: ["slanted"], del: ["gone"], "code": ["code"], blockquote: ["quoted"], li: ["one", "two"], a: ["words", "https://y.example/_b_/c"] };
