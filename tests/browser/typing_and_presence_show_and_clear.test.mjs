import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

test("typing and presence show and clear", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  await ada.seesPeople(1);
  const bob = await person("Bob", { room });
  await ada.seesPeople(2);

  const typing = (text) => until(async () => assert.equal(await ada.page.locator(".typing").innerText(), text));
  await bob.field().fill("H");
  await typing("Bob is typing");
  await bob.field().fill("");
  await typing("");
  // A message ends the typing of its sender.
  await bob.field().fill("Hello");
  await typing("Bob is typing");
  await bob.field().press("Enter");
  await typing("");
  assert.equal(await bob.page.locator(".typing").innerText(), "", "one's own typing is not told");

  const names = () => ada.page.getByRole("complementary", { name: "Who is here" }).locator(".person").allTextContents();
  await until(async () => assert.deepEqual(await names(), ["Ada", "Bob"]));
  await bob.page.goto("about:blank");
  await until(async () => assert.deepEqual(await names(), ["Ada"]));
  await ada.seesPeople(1);
  calm(/about:blank/);
});
