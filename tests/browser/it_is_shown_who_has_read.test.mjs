import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const row = (person, text) => person.page.locator(".row", { has: person.page.locator(".bubble", { hasText: text }) });
const readBy = (person, text) => row(person, text).locator(".read-by");

test("it is shown who has read", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const context = { reducedMotion: "reduce" };
  const ada = await account("Ada", { context });
  const { id: room } = await ada.call("POST", "/rooms", { name: "general" });
  const [bob, cleo] = [await account("Bob", { context }), await account("Cleo", { context })];
  await ada.go(room);
  await bob.go(room);
  await ada.say("First");

  // Nothing moves when somebody has read, and the faces move on with them.
  await readBy(ada, "First").getByRole("button", { name: "Read by 1 person" }).waitFor();
  await bob.page.evaluate(() => void (location.hash = "#/"));
  await ada.seesPeople(1);
  await ada.say("Second");
  await ada.sees(["First", "Second"]);
  const tops = () => ada.page.locator(".row").evaluateAll((rows) => rows.map((each) => each.getBoundingClientRect().top));
  const before = await tops();
  await cleo.go(room);
  await readBy(ada, "Second").getByRole("button", { name: "Read by 1 person" }).waitFor();
  assert.deepEqual(await tops(), before);
  await readBy(ada, "First").getByRole("button", { name: "Read by 1 person" }).waitFor();
  await look(ada.page);

  // Who it was.
  await readBy(ada, "First").getByRole("button").click();
  await until(async () => assert.deepEqual((await ada.page.getByRole("dialog").getByRole("listitem").locator("bdi").allInnerTexts()).sort(), ["Bob", "Cleo"]));
  await look(ada.page);
  await ada.page.keyboard.press("Escape");
  await ada.page.waitForFunction(() => history.state?.dialog !== true);

  // It is there after a reload, and whoever writes has read.
  await ada.page.reload();
  await readBy(ada, "First").waitFor();
  await bob.call("POST", `/rooms/${room}/messages`, { content: "From Bob" });
  await readBy(ada, "Second").getByRole("button", { name: "Read by 2 people" }).waitFor();
  await readBy(ada, "First").waitFor({ state: "detached" });
  assert.equal(await readBy(ada, "From Bob").count(), 0);

  // In a room of two it is a word.
  const direct = await ada.call("POST", "/direct", { user: bob.user, username: "Bob" });
  await ada.go(direct.id);
  await ada.say("For you");
  await ada.sees(["For you"]);
  assert.equal(await readBy(ada, "For you").count(), 0);
  await bob.go(direct.id);
  await readBy(ada, "For you").getByText("Read", { exact: true }).waitFor();
  await look(ada.page);
  calm();
});
