import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

const PASSWORD = "correct horse battery";

/** Opens an operation and its form. */
async function tryOut(page, operation) {
  const shown = page.locator(`#operations-${operation}`);
  await shown.locator("button.opblock-summary-control").click();
  await shown.getByRole("button", { name: "Try it out" }).click();
  return shown;
}

test("the documentation shows the API and tries requests, with nothing that its policy forbids", async () => {
  const { server, person, calm } = await stage();
  await server.room("general");
  const ada = await person("Ada");
  const page = await ada.open("/docs/");
  await page.getByText("/api/chat/rooms/{room_id}/messages").first().waitFor();
  assert.equal(new URL(page.url()).pathname, "/docs", "a slash too many is taken away");
  assert.equal(await page.locator(".opblock").count(), 58, "every operation is there");
  const list = await tryOut(page, "Rooms-list_rooms");
  await list.getByRole("button", { name: "Execute" }).click();
  await list.locator(".live-responses-table").getByText("general").first().waitFor();

  await page.getByRole("textbox", { name: "Name" }).fill("Ada");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("You are Ada, a guest.").waitFor();
  const send = await tryOut(page, "Messages-send_message");
  for (let times = 1; times <= 2; times += 1) {
    await send.getByRole("button", { name: "Execute" }).click();
    await until(async () => assert.equal((await server.history(1)).length, times, "each request is one of its own"));
    await send.getByRole("button", { name: "Clear" }).click();
  }

  const events = await tryOut(page, "Events-stream_events");
  await events.getByRole("button", { name: "Execute" }).click();
  await events.locator(".live-responses-table").getByText('"type":"attached"').first().waitFor();
  await events.locator(".loading-container").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out.").waitFor();
  await calm();
});

test("an account signs in to the documentation", async () => {
  const { server, account, visitor, calm } = await stage(["--accounts"]);
  await server.call("POST", "/account/register", { username: "Ada", password: PASSWORD });
  const ada = await visitor("Ada");
  const page = await ada.open("/docs");
  await page.getByRole("textbox", { name: "Name" }).fill("Ada");
  await page.getByRole("textbox", { name: "Password" }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("You are Ada.").waitFor();
  const me = await tryOut(page, "Identity-get_me");
  await me.getByRole("button", { name: "Execute" }).click();
  await me.locator(".live-responses-table").getByText('"Ada"').first().waitFor();

  // Whoever has logged in on the page is so here, and can sign out.
  const bob = await account("Bob");
  const docs = await bob.open("/docs");
  await docs.getByText("You are Bob.").waitFor();
  await docs.getByRole("button", { name: "Sign out" }).click();
  await docs.getByText("You are signed out.").waitFor();
  await calm();
});

test("the frames have a page of their own", async () => {
  const { person, calm } = await stage();
  const ada = await person("Ada", { context: { viewport: { width: 390, height: 844 } } });
  const page = await ada.open("/docs/frames");
  await page.getByRole("heading", { name: "attach", exact: true }).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is as wide as a phone");
  await page.getByRole("link", { name: "The REST API" }).click();
  await page.getByText("/api/chat/rooms/{room_id}/messages").first().waitFor();
  await page.getByRole("link", { name: "WebSocket frames" }).click();
  await page.getByRole("heading", { name: "Close codes" }).waitFor();
  await calm();
});
