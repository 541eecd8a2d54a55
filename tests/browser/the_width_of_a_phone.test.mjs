import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, touch } from "./stage.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

test("the width of a phone", async () => {
  const { server, visitor, calm } = await stage();
  const room = await server.room("a room whose name is a good deal longer than a phone is wide");
  await server.say(room, "Bob", "long".repeat(100));
  await server.call("POST", `/rooms/${room}/messages?username=Bob`, { content: "an answer", reply_to: 1 });
  await server.call("POST", `/rooms/${room}/messages?username=Bob`, { content: "in a thread", thread: 1 });
  await server.call("PUT", `/rooms/${room}/messages/1/reactions/${encodeURIComponent("👍")}?username=Bob`);
  const ada = await visitor("Ada", { context: PHONE });
  /** It is no larger than the phone, and all in it is large enough for a finger. */
  const fits = async (what) => {
    await touch(ada.page, what);
    const [wide, high] = await ada.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    assert.ok(wide <= 360 && high <= 740, `${what}: ${wide} × ${high}`);
  };

  await fits("the name");
  await ada.page.getByLabel("Your name").fill("Ada");
  await ada.page.getByRole("button", { name: "Enter" }).tap();
  await ada.page.getByRole("heading", { name: "Rooms" }).waitFor();
  await fits("the rooms at first");
  for (const name of ["New room", "Settings"]) await showsDialog(ada.page, name, fits);
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
  await ada.sees(["long".repeat(100), "an answer", "with my thumbs\nalone"]);
  await fits("a room with messages");
  const [field, send] = await Promise.all([ada.field().boundingBox(), ada.page.getByRole("button", { name: "Send" }).boundingBox()]);
  assert.ok(field.x >= 0 && send.x + send.width <= 360 && send.y + send.height <= 740, "the field is in sight");
  for (const name of ["About this room", "Search messages"]) await showsDialog(ada.page, name, fits);
  await ada.page.getByRole("button", { name: "Emoji" }).tap();
  await ada.page.locator(".emoji-all button").first().waitFor();
  await fits("emoji");
  await ada.page.keyboard.press("Escape");
  const mine = ada.page.locator(".row", { hasText: "with my thumbs" });
  await mine.focus();
  await ada.page.keyboard.press("Enter");
  await ada.page.locator(".message-menu").waitFor();
  await fits("what can be done with a message");
  await ada.page.locator(".message-menu").getByRole("button", { name: "Answer", exact: true }).tap();
  await ada.page.getByText("Answering Ada").waitFor();
  await fits("answering");
  await mine.focus();
  await ada.page.keyboard.press("e");
  await ada.page.getByLabel("Edit the message").waitFor();
  await fits("a message that is edited");
  await ada.page.getByRole("button", { name: "Cancel" }).tap();
  await ada.page.locator(".thread-line").tap();
  await ada.page.getByRole("complementary", { name: "Thread" }).waitFor();
  await fits("a thread");
  await ada.page.goBack();

  await ada.page.getByRole("button", { name: "1 person here" }).tap();
  await ada.page.getByRole("complementary", { name: "Who is here" }).waitFor();
  await fits("who is here");
  // Back closes the panel, not the room.
  await ada.page.goBack();
  await ada.page.getByRole("complementary", { name: "Who is here" }).waitFor({ state: "detached" });
  await fits("the room again");
  await ada.page.getByRole("link", { name: "All rooms" }).tap();
  await ada.page.getByRole("heading", { name: "Rooms" }).waitFor();
  await fits("the rooms");
  calm();
});

/** Opens a window by its button, and closes it again. */
async function showsDialog(page, name, fits) {
  await page.getByRole("button", { name }).first().tap();
  await page.getByRole("dialog").waitFor();
  await fits(name);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).tap();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}
