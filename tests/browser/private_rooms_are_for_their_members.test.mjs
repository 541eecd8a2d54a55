import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

test("private rooms are for their members", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const [ada, bob] = [await account("Ada", { context }), await account("Bob", { context })];
  await ada.makes("general");

  // Whoever makes a room says who sees it.
  await ada.page.getByRole("button", { name: "New room" }).first().click();
  await ada.page.getByLabel("Name", { exact: true }).fill("den");
  await ada.page.getByRole("radio", { name: /^Private/ }).check();
  await look(ada.page);
  await ada.page.getByRole("button", { name: "Create room" }).click();
  await ada.page.getByRole("heading", { name: "Private den" }).waitFor();
  await ada.page.getByRole("link", { name: /Private den/ }).waitFor();
  const den = Number(new URL(ada.page.url()).hash.split("/").at(-1));

  // Bob sees the other one alone, until Ada adds him; then he can leave.
  await bob.page.reload();
  await bob.page.getByRole("link", { name: /general/ }).waitFor();
  assert.equal(await bob.page.getByRole("link", { name: /den/ }).count(), 0);
  await ada.call("PUT", `/rooms/${den}/members/${encodeURIComponent(bob.user)}`, {});
  await bob.page.getByRole("link", { name: /Private den/ }).click();
  await bob.say("Thank you");
  await ada.sees(["Thank you"]);
  await bob.page.getByRole("button", { name: "About this room" }).click();
  await bob.page.getByRole("button", { name: "Leave the room" }).waitFor();
  // Members do not change it.
  assert.equal(await bob.page.getByRole("button", { name: "Save" }).count(), 0);
  await look(bob.page);
  await bob.page.getByRole("button", { name: "Leave the room" }).click();
  await bob.page.getByText("Choose a room").waitFor();
  await until(async () => assert.equal(await bob.page.getByRole("link", { name: /den/ }).count(), 0));

  // Brought in again, and removed: he is told, and so are those who stay; the room is no longer in his list.
  await ada.call("PUT", `/rooms/${den}/members/${encodeURIComponent(bob.user)}`, { username: "Bob" });
  await bob.page.getByRole("link", { name: /Private den/ }).click();
  await bob.sees(["Thank you"]);
  await ada.page.getByRole("complementary", { name: "Who is here" }).getByRole("button", { name: /^Bob/ }).click();
  await ada.page.getByRole("button", { name: "Remove", exact: true }).click();
  await ada.page.getByRole("dialog", { name: "Remove Bob?" }).waitFor();
  await ada.page.getByLabel("Reason").fill("Off topic");
  await look(ada.page);
  await ada.page.getByRole("button", { name: "Remove", exact: true }).click();
  await bob.page.getByRole("heading", { name: "You are not in this room any more" }).waitFor();
  await ada.page.getByText("Ada removed Bob: Off topic").waitFor();
  assert.equal(await bob.field().count(), 0);
  await look(bob.page);
  await bob.page.getByRole("link", { name: /general/ }).click();
  await until(async () => assert.equal(await bob.page.getByRole("link", { name: /den/ }).count(), 0));

  // Made public, it is there for him again, and he can join it.
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("radio", { name: /^Public/ }).check();
  await ada.page.getByRole("button", { name: "Save" }).click();
  await ada.page.getByRole("heading", { name: "den", exact: true }).waitFor();
  await bob.page.reload();
  await bob.page.getByRole("link", { name: /den/ }).click();
  await bob.page.getByRole("button", { name: "About this room" }).click();
  await bob.page.getByRole("button", { name: "Join the room" }).click();
  await ada.page.getByText("Bob joined").waitFor();
  calm();
});
