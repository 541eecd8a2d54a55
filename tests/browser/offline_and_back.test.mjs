import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

test("offline for a while and back", async () => {
  const { server, person, calm, openWire } = await stage();
  const wire = await openWire();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  const bob = await person("Bob", { room, port: wire.port });
  await ada.say("before");
  await bob.sees(["before"]);

  await bob.context.setOffline(true);
  wire.cut();
  await bob.page.locator(".connection").getByText("You are offline.").waitFor();
  await bob.say("from the tunnel");
  await bob.page.locator(".sending").waitFor();
  const missed = Array.from({ length: 20 }, (_, index) => `missed ${index + 1}`);
  for (const text of missed) await server.say(room, "Cem", text);
  await ada.sees(["before", ...missed]);
  assert.deepEqual(await bob.texts(), ["before", "from the tunnel"]);

  wire.mend();
  await bob.context.setOffline(false);
  const texts = ["before", ...missed, "from the tunnel"];
  for (const one of [ada, bob]) await one.sees(texts);
  assert.deepEqual(await server.history(room), texts);
  await until(async () => assert.equal(await bob.page.locator(".connection").count(), 0));
  calm(LOST);
});
