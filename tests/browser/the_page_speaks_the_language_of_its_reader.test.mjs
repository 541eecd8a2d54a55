import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { stage } from "./stage.mjs";

/** What the page is called there, how it is written, and how it says that one and two people are in a room. */
const LANGUAGES = [
  ["de", { lang: "de", dir: "ltr", greeting: "Komm herein", one: "1 Person hier", two: "2 Personen hier", day: "Heute" }],
  ["ar-EG", { lang: "ar", dir: "rtl", greeting: "أهلًا وسهلًا", one: "شخص واحد هنا", two: "شخصان هنا", day: "اليوم" }],
  ["ja-JP", { lang: "ja", dir: "ltr", greeting: "ようこそ", one: "1 人がいます", two: "2 人がいます", day: "今日" }],
];

for (const [locale, { lang, dir, greeting, one, two, day }] of LANGUAGES) {
  test(`the page speaks ${lang}`, async () => {
    const { server, person, visitor, calm } = await stage();
    const room = await server.room("general");
    await server.say(room, "Bob", "Hello");
    const { page } = await visitor("Ada", { context: { locale } });
    await page.getByRole("heading", { name: greeting }).waitFor();
    const html = page.locator("html");
    assert.deepEqual([await html.getAttribute("lang"), await html.getAttribute("dir")], [lang, dir]);
    await page.locator("#my-name").fill("Ada");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /general/ }).click();
    await page.getByRole("button", { name: one }).waitFor();
    assert.equal(await page.locator("textarea").evaluate((field) => getComputedStyle(field).direction), dir, "the hint of the empty field");
    await page.getByText(day, { exact: true }).first().waitFor();
    await page.locator(".line").first().hover();
    // What points in the direction of reading, or against it, turns with it.
    const answer = page.locator(".line .turns");
    await answer.waitFor();
    assert.equal(await answer.evaluate((icon) => getComputedStyle(icon).transform !== "none"), dir === "rtl");
    await person("Bob", { room });
    await page.getByRole("button", { name: two }).waitFor();
    calm();
  });
}

test("a language that cannot be loaded, and one that there is not, is English", async () => {
  const { visitor } = await stage();
  const dutch = await visitor("Ada", { context: { locale: "nl-NL" } });
  await dutch.page.getByRole("heading", { name: "Come on in" }).waitFor();
  const german = await visitor("Bob", { context: { locale: "de-DE" }, texts: { language: "de", table: null } });
  await german.page.getByRole("heading", { name: "Come on in" }).waitFor();
  assert.equal(await german.page.locator("html").getAttribute("lang"), "en");
});

test("the widget speaks the language of the page around it", async () => {
  let script = "";
  const host = createServer((_, answer) => answer.setHeader("content-type", "text/html; charset=utf-8").end(`<!doctype html><html lang="de"><title>Seite</title><body><script src="${script}"></script><chat-room room="1"></chat-room>`));
  await new Promise((resolve) => host.listen(0, "localhost", resolve));
  after(() => (host.closeAllConnections(), host.close()));
  const origin = `http://localhost:${host.address().port}`;

  const { server, visitor } = await stage(["--allowed-origin", origin]);
  await server.room("general");
  script = `http://127.0.0.1:${server.port}/widget.js`;
  const { context } = await visitor("Ada", { context: { locale: "ja-JP" } });
  const page = await context.newPage();
  await page.goto(origin);
  await page.getByLabel("Dein Name").fill("Ada");
  await page.getByRole("button", { name: "Mitmachen" }).click();
  await page.getByRole("button", { name: "1 Person hier" }).waitFor();
  assert.equal(await page.locator("chat-room .frame").getAttribute("lang"), "de");
});
