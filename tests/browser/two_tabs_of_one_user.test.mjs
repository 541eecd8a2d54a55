import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

test("two tabs of one user", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const other = await server.room("other");
  const bob = await person("Bob", { room });
  const ada = await person("Ada", { room });
  // The name is known to the second tab already.
  const tab = await ada.open(`/#/rooms/${room}`);
  for (const page of [bob.page, ada.page, tab]) await bob.seesPeople(2, page);

  const texts = ["from the first", "from the second", "to both"];
  await ada.say("from the first");
  await bob.sees(texts.slice(0, 1));
  await ada.say("from the second", tab);
  await bob.sees(texts.slice(0, 2));
  await bob.say("to both");
  for (const page of [bob.page, ada.page, tab]) await ada.sees(texts, page);
  for (const page of [ada.page, tab]) assert.equal(await page.locator(".message.own").count(), 2);

  // What one tab does not look at is unread there, until the other has read it.
  await ada.go(other);
  await ada.page.bringToFront();
  await tab.close();
  await bob.say("unread");
  const badge = ada.page.getByRole("link", { name: /general/ }).locator(".badge");
  await badge.getByText("1 unread message").waitFor();
  const reader = await ada.open(`/#/rooms/${room}`);
  await ada.sees([...texts, "unread"], reader);
  await reader.bringToFront();
  await badge.waitFor({ state: "detached" });

  // One tab less is not one person less.
  await reader.close();
  await ada.go(room);
  await bob.say("still there?");
  await ada.sees([...texts, "unread", "still there?"]);
  await ada.say("yes");
  await bob.sees([...texts, "unread", "still there?", "yes"]);
  await bob.seesPeople(2);
  await until(async () => assert.equal(await ada.page.title(), "general · Chat"));
  calm();
});
