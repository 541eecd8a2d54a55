import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./stage.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

test("the width of a phone", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("a room whose name is a good deal longer than a phone is wide");
  await server.say(room, "Bob", "long".repeat(100));
  const ada = await person("Ada", { context: PHONE });
  const fits = async (what) => {
    const [wide, high] = await ada.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    assert.ok(wide <= 360 && high <= 740, `${what}: ${wide} × ${high}`);
  };

  await ada.page.getByRole("link", { name: /a room whose name/ }).tap();
  await ada.seesPeople(1);
  await ada.page.getByRole("navigation", { name: "Rooms" }).waitFor({ state: "hidden" });
  await fits("the room");
  await ada.field().tap();
  await ada.field().fill("with my thumbs");
  await fits("the room, writing");
  // Return begins a new line: only the button sends.
  await ada.field().press("Enter");
  await ada.field().pressSequentially("alone");
  await ada.page.getByRole("button", { name: "Send" }).tap();
  await ada.sees(["long".repeat(100), "with my thumbs\nalone"]);
  const [field, send] = await Promise.all([ada.field().boundingBox(), ada.page.getByRole("button", { name: "Send" }).boundingBox()]);
  assert.ok(field.x >= 0 && send.x + send.width <= 360 && send.y + send.height <= 740, "the field is in sight");
  assert.ok(Math.min(send.width, send.height) >= 36, "the button is big enough for a thumb");

  await ada.page.getByRole("button", { name: "1 person here" }).tap();
  await ada.page.getByRole("complementary", { name: "Who is here" }).waitFor();
  await fits("who is here");
  await ada.page.keyboard.press("Escape");
  await ada.page.getByRole("link", { name: "All rooms" }).tap();
  await ada.page.getByRole("heading", { name: "Rooms" }).waitFor();
  await fits("the rooms");
  calm();
});
