import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

test("offline is told at once, and rooms that were open can be read", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const other = await server.room("other");
  const ada = await person("Ada", { room });
  await ada.say("one");
  await ada.sees(["one"]);
  await ada.go(other);

  // The wire is not cut: only the system knows.
  const since = await ada.page.evaluate(() => {
    dispatchEvent(new Event("offline"));
    return document.querySelector(".connection") === null;
  });
  assert.equal(since, true);
  await ada.page.locator(".connection").waitFor();
  await ada.seesPeople(1);

  await ada.context.setOffline(true);
  await server.kill();
  await ada.page.getByText("You are offline.").waitFor();
  await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}`), room);
  await until(async () => assert.deepEqual(await ada.texts(), ["one"]));
  await ada.say("two");
  await ada.page.locator(".sending").waitFor();
  assert.deepEqual(await ada.texts(), ["one", "two"]);

  // The server is away for so many attempts that the pauses have grown.
  let attempts = 0;
  ada.page.on("websocket", () => (attempts += 1));
  await ada.context.setOffline(false);
  await until(() => assert.ok(attempts > 5));
  await server.start();
  const start = Date.now();
  await until(async () => assert.equal(await ada.page.locator(".connection").count(), 0));
  assert.ok(Date.now() - start < 8_500, `${Date.now() - start} ms`);
  await ada.sees(["one", "two"]);
  calm(LOST);
});
