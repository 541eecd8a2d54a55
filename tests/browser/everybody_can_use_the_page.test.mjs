import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage } from "./stage.mjs";

/** How an element is outlined, or what stands around it for it. */
const outlines = (page, selector) =>
  page.locator(selector).first().evaluate((element) => {
    const around = [element, element.closest(".field, .search"), element.querySelector(".bubble")].filter(Boolean);
    return around.map((each) => getComputedStyle(each)).filter(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) > 0).length;
  });

test("where the colours are the reader's own, the focus is seen, and what is chosen differs", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general", "About everything");
  await server.room("other");
  const { seq } = await server.say(room, "Bob", "Hello");
  await server.call("PUT", `/rooms/${room}/messages/${seq}/reactions/${encodeURIComponent("👍")}?username=Ada`);
  await server.call("PUT", `/rooms/${room}/messages/${seq}/reactions/${encodeURIComponent("🎉")}?username=Bob`);
  const ada = await person("Ada", { room, context: { forcedColors: "active", reducedMotion: "reduce" } });
  const { page } = ada;
  await page.locator(".reaction").first().waitFor();
  assert.ok(await outlines(page, ".entry.open a"), "the room that is open");
  assert.equal(await outlines(page, ".entry:not(.open) a"), 0);
  assert.ok(await outlines(page, ".reaction[aria-pressed=true]"), "one's own reaction");
  assert.equal(await outlines(page, ".reaction[aria-pressed=false]"), 0);
  const seen = new Set();
  for (let step = 0; step < 24; step += 1) {
    await page.keyboard.press("Tab");
    const what = await page.evaluate(() => {
      for (const each of document.querySelectorAll("[data-focused]")) delete each.dataset.focused;
      const { activeElement: element, body } = document;
      if (element === null || element === body) return "";
      element.dataset.focused = "";
      return element.outerHTML.slice(0, 80);
    });
    if (what === "") continue;
    seen.add(what);
    assert.ok(await outlines(page, "[data-focused]"), `the focus on ${what}`);
  }
  assert.ok(seen.size > 10, [...seen].join("\n"));
  await look(page);
  calm();
});

/** What is cut off, or beyond the edges of the window; what is known to be cut says so by an ellipsis, or can be scrolled. */
function misfits() {
  const { documentElement: root } = document;
  const found = root.scrollWidth > innerWidth ? [`scrolls to ${root.scrollWidth}`] : [];
  const within = document.querySelector("dialog[open]") ?? document.body;
  for (const each of within.querySelectorAll("button, a, input, select, textarea, label, h1, h2, legend")) {
    const style = getComputedStyle(each);
    const { left, right, width, height } = each.getBoundingClientRect();
    if (width < 2 || height < 2 || style.visibility !== "visible" || each.closest(".sr-only, .skip, .tools, [inert]") || style.clipPath !== "none") continue;
    const name = each.outerHTML.slice(0, 100);
    if (left < -1 || right > innerWidth + 1) found.push(`beyond the window: ${name}`);
    if (each.matches("button, label, legend, h2") && each.scrollWidth > each.clientWidth + 1 && style.textOverflow !== "ellipsis" && style.display !== "inline") found.push(`cut off: ${name}`);
  }
  return found;
}

for (const width of [1280, 390]) {
  test(`with text of twice the size, everything fits, ${width} px`, async () => {
    const { server, visitor, calm } = await stage();
    const room = await server.room("general", "About everything");
    await server.say(room, "Bob", "A message that is a bit longer than most of those that are written in a room like this one");
    const phone = width < 720 && { isMobile: true, hasTouch: true };
    const ada = await visitor("Ada", { context: { viewport: { width, height: 844 }, reducedMotion: "reduce", ...phone } });
    const { page } = ada;
    await (await ada.context.newCDPSession(page)).send("Page.setFontSizes", { fontSizes: { standard: 32, fixed: 26 } });
    const fits = async (where) => assert.deepEqual(await page.evaluate(misfits), [], where);
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize), "32px");
    await fits("the name");
    await page.getByLabel("Your name").fill("Ada");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByRole("link", { name: /general/ }).waitFor();
    await fits("the rooms");
    for (const button of ["New room", "Settings"]) {
      await page.getByRole("button", { name: button }).first().click();
      await page.getByRole("dialog").waitFor();
      await fits(button);
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    }
    await page.getByRole("link", { name: /general/ }).click();
    await ada.sees(["A message that is a bit longer than most of those that are written in a room like this one"]);
    await ada.say("Hello");
    await fits("a room");
    for (const button of ["About this room", "Search messages"]) {
      await page.getByRole("button", { name: button }).click();
      await page.getByRole("dialog").waitFor();
      await fits(button);
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    }
    await page.getByRole("button", { name: "Emoji" }).click();
    await page.getByRole("searchbox").or(page.getByPlaceholder(/emoji/i)).first().waitFor();
    await fits("emoji");
    assert.ok(await ada.field().evaluate((field) => field.getBoundingClientRect().bottom <= innerHeight));
    calm();
  });
}
