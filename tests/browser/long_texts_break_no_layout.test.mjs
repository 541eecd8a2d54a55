// Every view in a made-up language whose texts are 40 % longer, with accents, and in one that is written from the right:
// nothing is cut off, and nothing stands out of the window.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LOST, stage } from "./stage.mjs";

const source = readFileSync(new URL("../../chat-http/ui/page/texts/en.ts", import.meta.url), "utf8");
const { default: english } = await import(`data:text/javascript;charset=utf-8,${encodeURIComponent(source.replace("} as const;", "}"))}`);

const ACCENTS = { a: "áà", e: "éè", i: "íì", o: "óò", u: "úù", y: "ýÿ", A: "ÁÀ", E: "ÉÈ", I: "ÍÌ", O: "ÓÒ", U: "ÚÙ" };

/** The text with longer words, 40 % in all; its parts stay. */
function longer(text) {
  const words = text.split(/(\{\w+\})/).map((piece) => (piece.startsWith("{") ? piece : piece.replace(/[aeiouyAEIOU]/g, (vowel) => ACCENTS[vowel])));
  return words.join("") + "é".repeat(Math.max(0, Math.ceil(text.length * 1.4) - words.join("").length));
}

/** The text as it looks in a mirror; its parts stay as they are. */
const mirrored = (text) => `\u202E${longer(text)}\u202C`;

/** The table of a language, made from the English one. */
function table(language, change) {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const changed = (text) => (typeof text === "string" ? change(text) : Object.fromEntries(forms.map((form) => [form, change(text.other)])));
  return Object.fromEntries(Object.entries(english).map(([key, text]) => [key, changed(text)]));
}

/** What does not fit where it stands. Names and messages are shortened where that is meant: those are left out. */
function misfits(shortened) {
  const [found, { innerWidth }] = [[], window];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const ink = document.createElement("canvas").getContext("2d");
  for (const box of document.querySelectorAll("h1, h2, p, a, button, label, dialog, .dialog, header, footer, form, kbd, dt, dd, time, span, input")) {
    if (!box.checkVisibility({ opacityProperty: true }) || box.closest(`.sr-only, ${shortened}`)) continue;
    const [{ left, right, width }, { display, font }] = [box.getBoundingClientRect(), getComputedStyle(box)];
    if (width === 0) continue;
    const what = `${box.tagName} ${box.className} “${box.textContent.slice(0, 60)}”`;
    if (left < -1 || right > innerWidth + 1) found.push(`${what} stands out: ${left} to ${right}`);
    if (display !== "inline" && box.scrollWidth > box.clientWidth + 1) found.push(`${what} is cut off: ${box.scrollWidth} in ${box.clientWidth}`);
    if (box.matches("button, a.button, h1, h2, kbd") && box.scrollHeight > box.clientHeight + 2) found.push(`${what} is too high: ${box.scrollHeight} in ${box.clientHeight}`);
    ink.font = font;
    const hint = box.placeholder ? ink.measureText(box.placeholder).width : 0;
    if (hint > box.clientWidth) found.push(`the hint “${box.placeholder}” is cut off: ${hint} in ${box.clientWidth}`);
  }
  return found;
}

/** Where names, topics and what people wrote are shortened. */
const SHORTENED = ".entry-name, .entry-about, .topic, .room-title, .typing, .bubble, .person, .choice-name";

/** The views of rooms and people, which need an account. */
async function peopleViews({ ada, text, look }) {
  const { page } = ada;
  const button = (key) => page.getByRole("button", { name: text(key), exact: true }).first();
  const closed = async () => {
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // Its step in the history is left a moment later, unless the people are still in front of the room.
    await page.waitForFunction(() => history.state?.dialog !== true || document.querySelector(".scrim")?.checkVisibility());
  };
  const { id } = await ada.call("POST", "/rooms", { name: "den", topic: "About everything", kind: "private" });
  for (const name of ["Bob", "Cem", "Dora"]) await ada.call("PUT", `/rooms/${id}/members/${name}`, { username: name });
  await ada.call("PUT", `/rooms/${id}/members/Bob`, { role: "moderator" });
  await ada.call("PUT", `/rooms/${id}/mutes/Cem`, { reason: "Too loud", until: "2099-01-01T00:00:00Z" });
  await ada.call("PUT", `/rooms/${id}/bans/Dora`, {});
  await ada.call("PATCH", `/rooms/${id}`, { topic: "News" });
  await ada.call("POST", `/rooms/${id}/messages`, { content: "Hello there" });
  await page.evaluate((id) => void (location.hash = `#/rooms/${id}`), id);
  await page.locator("textarea").waitFor();
  if ((await page.getByRole("complementary").count()) === 0) await page.locator(".people-button").click();
  await page.getByRole("button", { name: /^Bob/ }).waitFor();
  await look("the members");
  await page.getByRole("button", { name: /^Cem/ }).click();
  await button("letWrite").waitFor();
  await look("a person");
  for (const [key, title] of [["ban", "banQuestion"], ["remove", "removeQuestion"]]) {
    await button(key).click();
    await page.getByRole("dialog").getByRole("heading", { name: "Cem" }).waitFor();
    await look(title);
    await closed();
    await page.getByRole("button", { name: /^Cem/ }).click();
    // Else Escape is for the list of people, and the window comes after it.
    await button("letWrite").waitFor();
  }
  await closed();
  if (await page.locator(".scrim").isVisible()) await page.locator(".people header button").click();
  for (const key of [null, "inviteLinks", "bansAndMutes", "audit"]) {
    await button("aboutRoom").click();
    await button("leaveRoom").waitFor();
    if (key) await button(key).click();
    if (key === "inviteLinks") await button("makeLink").click();
    await page.getByRole("dialog").locator(key ? ".lines" : "form").first().waitFor();
    await look(key ?? "about the room");
    await closed();
  }
  await button("searchMessages").click();
  await page.locator(".search-field").fill("hello");
  await page.locator(".found").waitFor();
  await look("a search");
  await page.getByRole("dialog").getByRole("button", { name: text("close"), exact: true }).click();
  await page.keyboard.press("Control+k");
  await page.locator(".search-field").waitFor();
  await look("the switcher");
  await closed();
  await page.evaluate(() => void (location.hash = "#/invite/0"));
  await page.getByRole("heading", { name: text("youAreInvited"), exact: true }).waitFor();
  await button("joinRoom").click();
  await page.getByRole("alert").filter({ hasText: /./ }).waitFor();
  await look("an invitation");
  await page.evaluate(() => void (location.hash = "#/"));
  await button("newRoom").click();
  await page.getByRole("radio").first().waitFor();
  await look("a new room");
}

for (const [language, direction, change] of [["de", "ltr", longer], ["ar", "rtl", mirrored]]) {
  for (const [width, height] of [[1280, 800], [390, 844]]) {
    test(`long texts break no layout, ${direction}, ${width} wide`, async () => {
      const { server, visitor, calm } = await stage();
      const { page } = await visitor("Ada", { context: { locale: language, viewport: { width, height }, reducedMotion: "reduce" }, texts: { language, table: table(language, change) } });
      const found = [];
      const look = async (where) => found.push(...(await page.evaluate(misfits, SHORTENED)).map((what) => `${where}: ${what}`));
      const text = (key) => change(english[key]);
      const button = (key) => page.getByRole("button", { name: text(key), exact: true }).first();
      const inWindow = async (key, where) => {
        await button(key).click();
        await page.getByRole("dialog").waitFor();
        await look(where);
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
      };

      await page.getByRole("heading", { name: text("comeIn") }).waitFor();
      assert.equal(await page.locator("html").getAttribute("dir"), direction);
      await look("the name");
      await page.locator("#my-name").fill("Ada");
      await page.keyboard.press("Enter");
      await page.getByText(text("noRooms")).waitFor();
      await look("no rooms");
      await page.locator("#room-search").fill("nothing of this name");
      await button("makeIt").waitFor();
      await look("nothing found");
      await page.locator("#room-search").fill("");

      const room = await server.room("general", "About everything");
      await server.room("other");
      await page.reload();
      await page.getByRole("link", { name: /general/ }).waitFor();
      await look("the rooms");
      await inWindow("newRoom", "a new room");
      if (width > 720) await inWindow("keys", "the keys");
      await inWindow("settings", "the settings");
      await page.locator(".me").click();
      await page.getByRole("dialog").waitFor();
      await look("the name, changed");
      await page.keyboard.press("Escape");

      await page.getByRole("link", { name: /general/ }).click();
      await page.getByRole("heading", { name: text("quietSoFar") }).waitFor();
      await look("an empty room");
      for (const said of ["Hello", "مرحبا", "A longer message that takes more than one line where there is little space for it."]) await server.say(room, "Bob", said);
      await server.call("PATCH", `/rooms/${room}?username=Bob`, { topic: "News" });
      await page.getByText("News").last().waitFor();
      await look("a room");
      await page.locator("textarea").fill("x".repeat(3_990));
      await page.locator(".length").waitFor();
      await look("few characters left");
      await page.locator("textarea").fill("");
      await button("emoji").click();
      await look("emoji");
      await page.keyboard.press("Escape");
      await inWindow("aboutRoom", "about the room");
      await button("aboutRoom").click();
      await page.getByRole("dialog").locator(".danger").click();
      await page.getByRole("heading", { name: text("deleteQuestion") }).waitFor();
      await look("deleting the room");
      await page.keyboard.press("Escape");
      if (width < 720) await page.locator(".people-button").click();
      await page.getByRole("complementary").waitFor();
      await look("who is here");
      if (width < 720) await page.keyboard.press("Escape");

      await page.evaluate(() => void (location.hash = "#/rooms/4711"));
      await page.getByRole("heading", { name: text("noRoom"), exact: true }).waitFor();
      await look("no such room");
      await page.evaluate((id) => void (location.hash = `#/rooms/${id}`), room);
      await page.locator("textarea").waitFor();
      await server.kill();
      await page.getByRole("button", { name: new RegExp(`^${text("tryNow")}`) }).waitFor();
      await look("not connected");
      await server.start();
      assert.deepEqual(found, []);
      calm(new RegExp(`${LOST.source}|status of 404`));
    });
  }

  test(`long texts break no layout, ${direction}, of accounts`, async () => {
    const { visitor } = await stage(["--accounts"]);
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      const ada = await visitor(`Ada${width}`, { context: { locale: language, viewport: { width, height }, reducedMotion: "reduce" }, texts: { language, table: table(language, change) } });
      const { page } = ada;
      const text = (key) => change(english[key]);
      await page.getByRole("button", { name: text("logIn"), exact: true }).waitFor();
      assert.deepEqual(await page.evaluate(misfits, SHORTENED), [], "logging in");
      await page.getByRole("button", { name: text("makeAccount") }).click();
      await page.getByRole("button", { name: text("haveSetupToken") }).click();
      assert.deepEqual(await page.evaluate(misfits, SHORTENED), [], "registering");
      await page.getByRole("button", { name: text("haveAccount") }).waitFor();
      await page.reload();
      const found = [];
      const look = async (where) => found.push(...(await page.evaluate(misfits, SHORTENED)).map((what) => `${where}, ${width} wide: ${what}`));
      await ada.register(text);
      await peopleViews({ ada, text, look });
      assert.deepEqual(found, []);
    }
  });
}
