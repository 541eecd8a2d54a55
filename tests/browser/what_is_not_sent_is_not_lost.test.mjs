import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

/** A person in a room, who is reached by a wire of their own. */
async function onAWire() {
  const { server, person, calm, openWire } = await stage();
  const wire = await openWire();
  const room = await server.room("general");
  const other = await server.room("other");
  const ada = await person("Ada", { room, port: wire.port });
  return { server, wire, room, other, ada, calm };
}

test("a message that was not sent is sent by the next page, once", async () => {
  const { server, wire, room, other, ada, calm } = await onAWire();
  const tab = await ada.open(`/#/rooms/${other}`);
  await ada.field(tab).waitFor();
  wire.cut();
  await ada.page.locator(".connection").waitFor();
  await ada.say("from a closed tab");
  await ada.page.locator(".sending").waitFor();
  await ada.page.close();

  // The tab that is still there sends it.
  wire.mend();
  await until(async () => assert.deepEqual(await server.history(room), ["from a closed tab"]));

  // With none left, the next one does.
  ada.page = tab;
  await ada.go(room);
  await ada.sees(["from a closed tab"]);
  wire.cut();
  await ada.page.locator(".connection").waitFor();
  await ada.say("from the last tab");
  await ada.page.locator(".sending").waitFor();
  await ada.page.close();
  wire.mend();
  const tabs = [await ada.open(`/#/rooms/${room}`), await ada.open(`/#/rooms/${room}`)];
  for (const page of tabs) await ada.sees(["from a closed tab", "from the last tab"], page);
  assert.deepEqual(await server.history(room), ["from a closed tab", "from the last tab"]);
  assert.deepEqual(await tabs[0].evaluate(() => Object.keys(localStorage).filter((key) => key.includes("outbox"))), []);
  calm(LOST);
});

test("a draft and what waits go along with another name", async () => {
  const { server, wire, room, other, ada, calm } = await onAWire();
  await ada.field().fill("half a thought");
  await ada.page.reload();
  await until(async () => assert.equal(await ada.field().inputValue(), "half a thought"));
  await ada.go(other);
  wire.cut();
  await ada.page.locator(".connection").waitFor();
  await ada.say("who am I?");
  await ada.page.locator(".sending").waitFor();
  await ada.page.getByTitle("Change your name").click();
  await ada.page.getByRole("textbox", { name: "Your name" }).fill("Ada Lovelace");
  await ada.page.getByRole("button", { name: "Save" }).click();
  wire.mend();
  await until(async () => assert.deepEqual(await server.history(other), ["who am I?"]));
  assert.equal((await server.call("GET", `/rooms/${other}/messages`)).messages[0].username, "Ada Lovelace");
  await ada.go(room);
  assert.equal(await ada.field().inputValue(), "half a thought");
  calm(LOST);
});

test("leaving is asked about while something is not sent, and what is refused can be taken back", async () => {
  const { server, wire, room, other, ada, calm } = await onAWire();
  const asked = [];
  ada.page.on("dialog", (dialog) => asked.push(dialog.type()));
  wire.cut();
  await ada.page.locator(".connection").waitFor();
  await ada.say("wait for me");
  await ada.page.locator(".sending").waitFor();
  await ada.page.close({ runBeforeUnload: true });
  await until(() => assert.deepEqual(asked, ["beforeunload"]));
  wire.mend();
  ada.page = await ada.open(`/#/rooms/${room}`);
  await ada.sees(["wait for me"]);

  // What an earlier page was refused.
  const key = "019ab3f2-5c7e-7d31-9a44-0c5f5f0e7a11";
  const letter = { key, room: other, text: "  first line\nsecond", at: Date.now(), tab: null, failed: "muted" };
  await ada.page.evaluate(([name, text]) => localStorage.setItem(name, text), [`chat.outbox.Ada.${key}`, JSON.stringify(letter)]);
  await ada.page.reload();
  await ada.go(other);
  await ada.field().fill("third");
  await ada.page.getByRole("button", { name: "Take back" }).click();
  await until(async () => assert.equal(await ada.field().inputValue(), "  first line\nsecond\nthird"));
  assert.equal(await ada.page.locator(".row").count(), 0);
  assert.equal(await ada.page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
  await ada.page.reload();
  await until(async () => assert.equal(await ada.field().inputValue(), "  first line\nsecond\nthird"));
  assert.deepEqual(await server.history(other), []);
  calm(LOST);
});
