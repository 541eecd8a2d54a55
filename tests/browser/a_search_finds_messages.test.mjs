import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

test("a search finds messages", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const ada = await account("Ada", { context });
  const { id: general } = await ada.call("POST", "/rooms", { name: "general" });
  const { id: den } = await ada.call("POST", "/rooms", { name: "den", kind: "private" });
  await ada.call("POST", `/rooms/${den}/messages`, { content: "A café only we know" });
  for (let at = 1; at <= 30; at += 1) await ada.call("POST", `/rooms/${general}/messages`, { content: at === 3 ? "Let us meet at the Café by the river" : `Message ${at}` });
  await ada.go(general);

  // The words are marked, whatever their accents, in this room alone.
  await ada.page.getByRole("button", { name: "Search messages" }).click();
  await look(ada.page);
  await ada.page.keyboard.type("cafe meet");
  const results = ada.page.getByRole("dialog").locator(".found a");
  await until(async () => assert.equal(await results.count(), 1));
  assert.deepEqual(await results.locator("mark").allInnerTexts(), ["meet", "Café"]);
  await look(ada.page);

  // Everywhere, with the names of the rooms; the newest first.
  await ada.page.getByLabel("What was said?").fill("cafe");
  await ada.page.getByRole("radio", { name: "Everywhere" }).check();
  await until(async () => assert.equal(await results.count(), 2));
  // The name of a room that the list does not have is asked for.
  await until(async () => assert.match(await results.first().innerText(), /Ada · general/));
  await until(async () => assert.match(await results.last().innerText(), /Ada · den/));
  await ada.page.getByLabel("What was said?").fill("nowhere to be found");
  await ada.page.getByText("Nothing found.").waitFor();
  // What is too long to be looked for is told, not cut.
  await ada.page.getByLabel("What was said?").fill("x".repeat(201));
  await ada.page.getByText("1 character too many").waitFor();
  await look(ada.page);

  // Without the marks that they were written with, unless what was looked for is there.
  await ada.call("POST", `/rooms/${general}/messages`, { content: "Let us **meet** on *Thursday*\n> at the [bridge](https://upstream.example)" });
  await ada.page.getByRole("radio", { name: "In this room" }).check();
  await ada.page.getByLabel("What was said?").fill("thursday");
  await until(async () => assert.deepEqual(await results.locator(".found-text").allTextContents(), ["Let us meet on Thursday\nat the bridge"]));
  assert.deepEqual(await results.locator("mark").allInnerTexts(), ["Thursday"]);
  await ada.page.getByLabel("What was said?").fill("upstream");
  await until(async () => assert.deepEqual(await results.locator("mark").allInnerTexts(), ["upstream"]));

  // More than a page of them.
  await ada.page.getByLabel("What was said?").fill("message");
  await until(async () => assert.equal(await results.count(), 20));
  await ada.page.getByRole("button", { name: "Show more" }).click();
  await until(async () => assert.equal(await results.count(), 29));

  // A click goes to the message.
  await ada.page.getByLabel("What was said?").fill("river");
  await until(async () => assert.equal(await results.count(), 1));
  await results.first().click();
  await ada.page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(new URL(ada.page.url()).hash, `#/rooms/${general}/3`);
  await ada.page.getByRole("heading", { name: "general", exact: true }).waitFor();

  // Others do not find what is private.
  const bob = await account("Bob", { context });
  await bob.go(general);
  await bob.page.getByRole("button", { name: "Search messages" }).click();
  await bob.page.getByRole("radio", { name: "Everywhere" }).check();
  await bob.page.getByLabel("What was said?").fill("café");
  await bob.page.getByText("1 message", { exact: true }).waitFor();
  calm();
});
