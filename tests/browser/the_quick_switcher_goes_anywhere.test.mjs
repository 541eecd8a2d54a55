import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

test("the quick switcher goes anywhere", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const [ada, bob] = [await account("Ada", { context }), await account("Bob", { context })];
  const { id: general } = await ada.call("POST", "/rooms", { name: "general" });
  const { id: engineering } = await ada.call("POST", "/rooms", { name: "engineering" });
  for (const person of [ada, bob]) await person.go(general);
  const { page } = ada;
  const chosen = page.getByRole("option", { selected: true });
  const options = page.getByRole("option");

  // Its file may have to be loaded the first time. After that, what is typed right after the keys is for it.
  await ada.field().press("Control+k");
  await page.getByRole("combobox").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  // The same key on a layout of another script.
  await page.evaluate(() => dispatchEvent(new KeyboardEvent("keydown", { key: "л", code: "KeyK", ctrlKey: true, cancelable: true })));
  await page.getByRole("combobox").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  // Keys alone: names that begin with what is typed are first.
  await ada.field().press("Control+k");
  await page.keyboard.type("en");
  await until(async () => assert.deepEqual(await options.allInnerTexts().then((all) => all.map((each) => each.split("\n").at(-1))), ["engineering", "general"]));
  await look(page);
  await page.keyboard.press("ArrowDown");
  await until(async () => assert.match(await chosen.innerText(), /general/));
  await page.keyboard.press("ArrowDown");
  await until(async () => assert.match(await chosen.innerText(), /engineering/));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "engineering", exact: true }).waitFor();
  assert.equal(new URL(page.url()).hash, `#/rooms/${engineering}`);

  // Somebody who is in the room, by their name; the room of two is made then.
  await bob.go(engineering);
  await ada.seesPeople(2);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("bo");
  await until(async () => assert.match(await chosen.innerText(), /Bob/));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Bob", exact: true }).waitFor();
  await ada.say("Hello, Bob");
  await bob.page.getByRole("link", { name: /^Ada/ }).waitFor();

  // Nothing of that name; Escape goes back to where one was.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("nothing at all");
  await page.getByText("Nothing found.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Bob", exact: true }).waitFor();
  calm();
});
