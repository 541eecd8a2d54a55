import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, look, stage, until } from "./stage.mjs";

test("members and their rights", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const [ada, bob, cem] = [await account("Ada", { context }), await account("Bob", { context }), await account("Cem", { context })];
  await ada.makes("general");
  await ada.say("Hello");
  await ada.sees(["Hello"]);
  const room = Number(new URL(ada.page.url()).hash.split("/").at(-1));
  await bob.go(room);
  await cem.go(room);
  const people = (person) => person.page.getByRole("complementary", { name: "Who is here" });
  const open = (person, name) => people(person).getByRole("button", { name: new RegExp(`^${name}`) }).click();
  const offered = (person) => person.page.getByRole("dialog").locator(".menu").getByRole("button").allInnerTexts();
  const does = async (person, name, ...what) => {
    await open(person, name);
    for (const each of what) await person.page.getByRole("dialog").getByRole("button", { name: each, exact: true }).click();
    await person.page.getByRole("dialog").waitFor({ state: "detached" });
  };
  await people(ada).getByRole("button", { name: /^Ada.*Owner/ }).waitFor();

  // Who is no member is brought in, and made a moderator; everyone hears it.
  await does(ada, "Bob", "Add to the room");
  await cem.page.getByText("Ada added Bob").waitFor();
  await does(ada, "Bob", "Make moderator");
  await people(cem).getByRole("button", { name: /^Bob.*Moderator/ }).waitFor();

  // What one may do is what is offered: nothing on an owner, and little to those who are no members.
  await open(bob, "Ada");
  await until(async () => assert.deepEqual(await offered(bob), ["Message"]));
  await look(bob.page);
  await bob.page.keyboard.press("Escape");
  await open(cem, "Bob");
  await until(async () => assert.deepEqual(await offered(cem), ["Message"]));
  await cem.page.keyboard.press("Escape");
  await open(bob, "Cem");
  await until(async () => assert.deepEqual(await offered(bob), ["Message", "Add to the room", "Mute", "Ban"]));
  await bob.page.keyboard.press("Escape");
  await does(bob, "Cem", "Add to the room");

  // Muted for an hour with a reason, Cem cannot write, and everyone sees why; let write again, he can.
  await open(bob, "Cem");
  await bob.page.getByRole("button", { name: "Mute", exact: true }).click();
  await bob.page.getByRole("dialog", { name: "Mute Cem?" }).waitFor();
  await bob.page.getByRole("radio", { name: "1 hour" }).check();
  // A reason that is too long is told, not cut; it is counted as the server counts.
  await bob.page.getByLabel("Reason").fill("🎉".repeat(500));
  assert.ok(await bob.page.getByRole("button", { name: "Mute", exact: true }).isEnabled());
  await bob.page.getByLabel("Reason").fill("🎉".repeat(502));
  await bob.page.getByText("2 characters too many").waitFor();
  assert.ok(await bob.page.getByRole("button", { name: "Mute", exact: true }).isDisabled());
  await look(bob.page);
  await bob.page.getByLabel("Reason").fill("Too loud");
  await look(bob.page);
  await bob.page.getByRole("button", { name: "Mute", exact: true }).click();
  await ada.page.getByText(/Bob muted Cem until .*: Too loud/).waitFor();
  await cem.say("Can you hear me?");
  await cem.page.getByText("You may only read in this room.").waitFor();
  await cem.page.getByRole("button", { name: "Take back" }).click();
  await people(ada).getByRole("button", { name: /^Cem.*May only read/ }).waitFor();

  // The list of those who are muted lifts it, and the record says all that was done.
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("button", { name: "Bans and mutes" }).click();
  await ada.page.getByRole("dialog").getByText("Too loud").waitFor();
  await look(ada.page);
  await ada.page.getByRole("button", { name: "Lift: Cem" }).click();
  await ada.page.getByText("Nobody is muted.").waitFor();
  await ada.page.keyboard.press("Escape");
  await cem.say("Thank you");
  await ada.sees(["Hello", "Thank you"]);

  // Banned, he is out.
  await open(ada, "Cem");
  await ada.page.getByRole("button", { name: "Ban", exact: true }).click();
  await ada.page.getByRole("radio", { name: "For good" }).check();
  await ada.page.getByRole("button", { name: "Ban", exact: true }).click();
  await cem.page.getByRole("heading", { name: "You are not in this room any more" }).waitFor();
  await cem.page.getByText("You are banned from this room.").waitFor();
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("button", { name: "What was done" }).click();
  const said = ada.page.getByRole("dialog").getByRole("listitem");
  await until(async () => assert.equal(await said.count(), 6));
  const texts = (await said.allInnerTexts()).map((text) => text.replace(/[\u2068\u2069]/g, "").split("\n")[0].trim());
  assert.deepEqual([texts[0], texts[1], ...texts.slice(3)], ["Ada banned Cem", "Ada let Cem write again", "Bob added Cem", "Ada made Bob a moderator", "Ada added Bob"]);
  await look(ada.page);
  await ada.page.keyboard.press("Escape");

  // The last owner is told that the room needs one.
  await open(ada, "Ada");
  await ada.page.getByRole("button", { name: "Make member" }).click();
  await ada.page.getByText("The room needs an owner as long as others are in.").waitFor();
  calm(new RegExp(`${LOST.source}|status of 40[39]`));
});

test("many members are found by name, and page by page", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const ada = await account("Ada");
  await ada.makes("general");
  await ada.say("Hello");
  await ada.sees(["Hello"]);
  const room = Number(new URL(ada.page.url()).hash.split("/").at(-1));
  for (let at = 10; at < 70; at += 1) await ada.call("PUT", `/rooms/${room}/members/user${at}`, { username: `Member ${at}` });
  await ada.page.getByRole("heading", { name: /61 members in all/ }).waitFor();
  const lines = ada.page.locator(".members .member");
  await until(async () => assert.equal(await lines.count(), 50));
  await ada.page.getByRole("button", { name: "Show more" }).click();
  await until(async () => assert.equal(await lines.count(), 61));
  await ada.page.getByLabel("Find somebody").fill("member 6");
  await until(async () => assert.equal(await lines.count(), 10));
  await ada.page.getByLabel("Find somebody").fill("nobody");
  await ada.page.getByText("Nobody is called “nobody”.").waitFor();
  calm();
});
