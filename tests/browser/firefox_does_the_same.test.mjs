import assert from "node:assert/strict";
import { test } from "node:test";
import { openFirefox } from "./firefox.mjs";
import { stage, until } from "./stage.mjs";

const TEXTS = ".row .bubble .text";
const same = (expected) => (texts) => assert.deepEqual(texts, expected);

test("guests in Firefox and Chromium talk, over a restart of the server, too", async () => {
  const { server, person } = await stage();
  const room = await server.room("general");
  const bob = await person("Bob", { room });
  const ada = await openFirefox(`http://127.0.0.1:${server.port}/#/rooms/${room}`);
  await ada.fill("#my-name", "Ada");
  await ada.button("Enter");
  await bob.seesPeople(2);

  // Messages with marks, both ways; who is typing.
  await ada.say("Hello **Bob**");
  await bob.page.locator(".bubble strong").waitFor();
  await bob.say("Hello Ada");
  await ada.has(TEXTS, same(["Hello Bob", "Hello Ada"]));
  await ada.has(".bubble strong", same(["Bob"]));
  await bob.field().pressSequentially("I am");
  await ada.has(".typing", ([text]) => assert.match(text, /Bob is typing/));
  await bob.field().fill("");

  // With the keyboard: edit one's own message, react to another, answer it.
  await ada.page.focus(`.row[data-seq="1"]`);
  await ada.page.keyboard.press("e");
  await ada.fill(".edit-form textarea", "Hello *all*");
  await ada.page.keyboard.press("Enter");
  await until(async () => assert.deepEqual(await bob.texts(), ["Hello all", "Hello Ada"]));
  await ada.page.focus(".row:last-of-type");
  await ada.page.keyboard.press("Enter");
  await ada.press(".message-menu .quick-reactions button");
  await bob.page.locator(".reactions .reaction").waitFor();
  await ada.page.focus(".row:last-of-type");
  await ada.page.keyboard.press("r");
  await ada.say("How are you?");
  await bob.page.locator(".quote", { hasText: "Hello Ada" }).waitFor();

  // What is written while the server is away comes after it, once. A draft outlives a reload.
  await server.kill();
  await ada.has(".connection", (notes) => assert.ok(notes.length > 0));
  await ada.say("Are you there?");
  await server.start();
  await bob.sees(["Hello all", "Hello Ada", "How are you?", "Are you there?"]);
  await ada.fill(".composer textarea", "Not sent yet");
  await ada.page.reload();
  await ada.has(TEXTS, same(["Hello all", "Hello Ada", "How are you?", "Are you there?"]));
  assert.equal(await ada.page.$eval(".composer textarea", ({ value }) => value), "Not sent yet");
  const lost = /can’t establish a connection|was interrupted while|NetworkError|Cross-Origin Request Blocked|NS_ERROR/;
  assert.deepEqual(ada.complaints.filter((each) => !lost.test(each)), []);
});

test("an account in Firefox comes and goes, and its rooms open offline", async () => {
  const { server, account } = await stage(["--accounts"]);
  const ada = await openFirefox(`http://127.0.0.1:${server.port}/`);
  await ada.button("Make an account");
  await ada.fill("#account-name", "Ada");
  await ada.fill("#account-password", "correct horse battery");
  await ada.button("Register");
  await ada.page.waitForSelector(".me");
  const bob = await account("Bob");
  const { id: room } = await bob.call("POST", "/rooms", { name: "general" });
  await bob.call("POST", `/rooms/${room}/messages`, { content: "Kept for later" });
  await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}`), room);
  await ada.has(TEXTS, same(["Kept for later"]));

  // The page and what was read last are there without the server.
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await until(async () => assert.ok(await ada.page.evaluate(() => new Promise((resolve) => (indexedDB.open("chat /").onsuccess = ({ target }) => (target.result.transaction("texts").objectStore("texts").count().onsuccess = ({ target: { result } }) => resolve(result > 2)))))));
  await server.kill();
  await ada.page.reload();
  await ada.has(TEXTS, same(["Kept for later"]));
  await server.start(["--accounts"]);
  await bob.call("POST", `/rooms/${room}/messages`, { content: "Back again" });
  await ada.has(TEXTS, same(["Kept for later", "Back again"]));

  await ada.press(".me");
  await ada.button("Log out");
  await ada.page.waitForSelector("#account-name");
});
