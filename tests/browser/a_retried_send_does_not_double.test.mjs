import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

test("a send that is retried does not double", async () => {
  const { server, person, calm, openWire } = await stage();
  const wire = await openWire();
  const room = await server.room("general");
  const ada = await person("Ada", { room, port: wire.port });
  const bob = await person("Bob", { room });
  await ada.say("heard");
  await bob.sees(["heard"]);

  // It is stored, and its sender does not hear of it.
  wire.deafen();
  await ada.say("unheard");
  await bob.sees(["heard", "unheard"]);
  await ada.page.locator(".sending").waitFor();

  // The connection is gone before any answer came: it is sent again, with the same key.
  wire.cut();
  await ada.page.locator(".connection").waitFor();
  const resent = sent(ada.page, "unheard");
  wire.mend();
  await resent;
  for (const one of [ada, bob]) await one.sees(["heard", "unheard"]);

  // The same over a reload: what was on its way is kept with its key.
  wire.deafen();
  await ada.say("unheard twice");
  await bob.sees(["heard", "unheard", "unheard twice"]);
  wire.cut();
  await ada.page.locator(".connection").waitFor();
  wire.mend();
  await ada.page.reload();
  for (const one of [ada, bob]) await one.sees(["heard", "unheard", "unheard twice"]);
  await until(async () => assert.deepEqual(await server.history(room), ["heard", "unheard", "unheard twice"]));
  calm(LOST);
});

/** Waits until the page sends this text over a new socket. */
function sent(page, text) {
  return new Promise((resolve) => {
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => String(payload).includes(`"${text}"`) && resolve()));
  });
}
