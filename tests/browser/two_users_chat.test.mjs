import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./stage.mjs";

test("two users chat", async () => {
  const { person, calm } = await stage();
  const ada = await person("Ada");
  await ada.makes("Tea & cake");
  await ada.page.getByRole("heading", { name: "Tea & cake", exact: true }).waitFor();

  const bob = await person("Bob");
  await bob.page.getByRole("link", { name: /Tea & cake/ }).click();
  await bob.seesPeople(2);

  await ada.say("Hello Bob!");
  await bob.sees(["Hello Bob!"]);
  await bob.field().fill("Hello Ada,");
  await bob.field().press("Shift+Enter");
  await bob.field().pressSequentially("tea?");
  await bob.field().press("Enter");
  await ada.say("Always 🍵");

  for (const one of [ada, bob]) {
    await one.sees(["Hello Bob!", "Hello Ada,\ntea?", "Always 🍵"]);
    const own = one === ada ? ["Hello Bob!", "Always 🍵"] : ["Hello Ada,\ntea?"];
    assert.deepEqual(await one.page.locator(".message.own .text").allTextContents(), own);
  }
  calm();
});
