import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

test("offline is told at once, and rooms that were open can be read", async () => {
  const { server, person, calm, openWire } = await stage();
  const wire = await openWire();
  const room = await server.room("general");
  const other = await server.room("other");
  const ada = await person("Ada", { room, port: wire.port });
  await ada.say("one");
  await ada.sees(["one"]);
  await ada.go(other);

  // The connection is silent rather than closed: only the system knows that there is no network.
  wire.deafen();
  await ada.context.setOffline(true);
  await ada.page.getByText("You are offline.").or(ada.page.getByText("Connecting again…")).waitFor({ timeout: 8_000 });

  wire.cut();
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
  wire.mend();
  const start = Date.now();
  await until(async () => assert.equal(await ada.page.locator(".connection").count(), 0));
  assert.ok(Date.now() - start < 10_000, `${Date.now() - start} ms`);
  await ada.sees(["one", "two"]);
  calm(LOST);
});
