import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage } from "./stage.mjs";

test("a room of two", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const [ada, bob, cem] = [await account("Ada", { context }), await account("Bob", { context }), await account("Cem", { context })];
  const { id: general } = await ada.call("POST", "/rooms", { name: "general" });
  for (const person of [ada, bob]) await person.go(general);
  const people = ada.page.getByRole("complementary", { name: "Who is here" });

  // Ada writes to Bob, who has the room at once, by her name; nobody else has.
  await people.getByRole("button", { name: /^Bob/ }).click();
  await ada.page.getByRole("button", { name: "Message", exact: true }).click();
  await ada.page.getByRole("heading", { name: "Bob", exact: true }).waitFor();
  await ada.page.getByPlaceholder("Message Bob").waitFor();
  await ada.say("Between us");
  await bob.page.getByRole("link", { name: /^Ada/ }).click();
  await bob.sees(["Between us"]);
  await bob.say("Of course");
  await ada.sees(["Between us", "Of course"]);
  await look(bob.page);
  const room = new URL(ada.page.url()).hash;
  await cem.page.goto(`${cem.home}/${room}`);
  await cem.page.getByRole("heading", { name: "There is no such room" }).first().waitFor();

  // The room is the same when Bob writes to her, and it has neither a form nor a way out.
  await bob.page.getByRole("link", { name: /general/ }).click();
  await bob.page.getByRole("complementary").getByRole("button", { name: /^Bob/ }).click();
  await bob.page.getByRole("button", { name: "Notes to yourself" }).click();
  await bob.page.getByRole("heading", { name: "Notes to yourself" }).waitFor();
  await bob.say("Milk");
  await bob.sees(["Milk"]);
  await bob.page.getByRole("link", { name: /^Notes to yourself/ }).waitFor();
  await bob.page.getByRole("link", { name: /^Ada/ }).click();
  await bob.sees(["Between us", "Of course"]);
  assert.equal(new URL(bob.page.url()).hash, room);
  await bob.page.getByRole("button", { name: "About this room" }).click();
  await look(bob.page);
  assert.equal(await bob.page.getByRole("button", { name: /Save|Delete|Leave/ }).count(), 0);
  await bob.page.reload();
  await bob.page.getByRole("link", { name: /^Ada/ }).waitFor();
  await bob.page.getByRole("link", { name: /^Notes to yourself/ }).waitFor();
  calm(/status of 404/);
});
