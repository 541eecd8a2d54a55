import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, look, stage } from "./stage.mjs";

test("an invite link brings people in", async () => {
  const { account, visitor, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const [ada, cem] = [await account("Ada", { context: { ...context, permissions: ["clipboard-read", "clipboard-write"] } }), await account("Cem", { context })];
  const { id: den } = await ada.call("POST", "/rooms", { name: "den", kind: "private" });
  await ada.go(den);
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("button", { name: "Invite links" }).click();
  await ada.page.getByText("There are no links now.").waitFor();
  await ada.page.getByLabel("For how long").selectOption({ label: "1 hour" });
  await ada.page.getByLabel("For how many").selectOption({ label: "1" });
  await ada.page.getByRole("button", { name: "Make a link" }).click();
  await ada.page.getByText("0 of 1 used").waitFor();
  await look(ada.page);
  await ada.page.getByRole("button", { name: "Copy link" }).click();
  await ada.page.getByRole("button", { name: "Copied" }).waitFor();
  const link = await ada.page.evaluate(() => navigator.clipboard.readText());
  assert.ok(link.startsWith(`${ada.home}/#/invite/`), link);

  // Somebody who has no account yet gets one first, and is where the link leads then.
  const bob = await visitor("Bob", { context });
  await bob.page.goto(link);
  await bob.page.reload();
  await bob.register();
  await bob.page.getByRole("heading", { name: "You are invited to a room" }).waitFor();
  await look(bob.page);
  await bob.page.getByRole("button", { name: "Join the room" }).click();
  await bob.page.getByRole("heading", { name: "Private den" }).waitFor();
  await bob.say("Here I am");
  await ada.page.keyboard.press("Escape");
  await ada.sees(["Here I am"]);

  // It was for one.
  await cem.page.goto(link);
  await cem.page.getByRole("button", { name: "Join the room" }).click();
  await cem.page.getByText("This link does not lead anywhere").waitFor();

  // Another one is taken back before anybody uses it.
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("button", { name: "Invite links" }).click();
  await ada.page.getByRole("button", { name: "Make a link" }).click();
  await ada.page.getByText("used 0 times").waitFor();
  const second = await ada.page.locator(".link-text").first().innerText();
  await ada.page.getByRole("button", { name: "Revoke link" }).first().click();
  await ada.page.getByText("used 0 times").waitFor({ state: "detached" });
  await cem.page.goto(second);
  await cem.page.getByRole("button", { name: "Join the room" }).click();
  await cem.page.getByText("This link does not lead anywhere").waitFor();
  assert.equal(await cem.page.getByRole("link", { name: /den/ }).count(), 0);

  // Where only moderators bring others in, members make no links.
  await ada.call("PATCH", `/rooms/${den}`, { invites: "moderators" });
  await bob.page.reload();
  await bob.page.getByRole("button", { name: "About this room" }).click();
  await bob.page.getByRole("button", { name: "Leave the room" }).waitFor();
  assert.equal(await bob.page.getByRole("button", { name: "Invite links" }).count(), 0);
  calm(new RegExp(`${LOST.source}|status of 404`));
});
