import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

test("the list of rooms keeps up", async () => {
  const { server, person, calm } = await stage();
  const rooms = [];
  for (let index = 1; index <= 130; index += 1) rooms.push(await server.room(`room ${index}`));
  const [first, second] = rooms;
  const hundredth = rooms[99];
  await server.say(first, "Bob", "hello");
  const ada = await person("Ada", { room: first });
  const names = () => ada.page.locator(".room-list .entry-name").allTextContents();
  const entry = (name) => ada.page.locator(".room-list .entry").filter({ has: ada.page.getByText(name, { exact: true }) });
  const badge = (name) => entry(name).locator(".badge");

  // The busiest stands first; of rooms in which nothing was said, the newest.
  await until(async () => assert.deepEqual((await names()).slice(0, 3), ["room 1", "room 130", "room 129"]));

  // What is unread counts messages, and no other events, in rooms that one has been in.
  await ada.go(hundredth);
  await ada.go(second);
  await server.say(hundredth, "Bob", "one");
  await server.call("PATCH", `/rooms/${hundredth}?username=Bob`, { topic: "News" });
  await server.call("PATCH", `/rooms/${hundredth}?username=Bob`, { topic: "More news" });
  await server.say(hundredth, "Bob", "two");
  await badge("room 100").getByText("2 unread messages").waitFor();
  await until(async () => assert.deepEqual((await names()).slice(0, 2), ["room 100", "room 1"]));

  // Mentions are counted, too.
  await server.call("POST", `/rooms/${hundredth}/messages?username=Bob`, { content: "@Ada", mentions: ["Ada"] });
  await badge("room 100").getByText("1 mention of you and 3 unread messages").waitFor();
  assert.equal(await badge("room 100").locator("[aria-hidden]").innerText(), "@1");

  // In others, what came since they were listed.
  await server.say(rooms[119], "Bob", "one");
  await server.say(rooms[119], "Bob", "two");
  await badge("room 120").getByText("2 unread messages").waitFor();

  // They are the user's, and not this browser's.
  const elsewhere = await person("Ada", { room: second });
  await elsewhere.page.locator(".badge").first().getByText("1 mention of you and 3 unread messages").waitFor();
  await elsewhere.go(hundredth);
  await badge("room 100").waitFor({ state: "detached" });

  // More rooms stay when a search is over, and so does the open one.
  await ada.page.getByRole("button", { name: "More rooms" }).click();
  await until(async () => assert.equal((await names()).length, 130));
  await ada.page.getByLabel("Find a room").fill("room 13");
  await until(async () => assert.deepEqual(await names(), ["room 130", "room 13"]));
  await ada.page.getByLabel("Find a room").press("Escape");
  await until(async () => assert.equal((await names()).length, 130));
  assert.equal(await entry("room 2").getAttribute("class"), "entry open");

  // Favourites stand first, then one's own rooms, then the others, and a search finds them all.
  const star = (name) => ada.page.getByRole("button", { name: `Keep ${name} at the top` });
  await star("room 50").focus();
  await ada.page.keyboard.press("Enter");
  await until(async () => assert.deepEqual((await names()).slice(0, 3), ["room 50", "room 100", "room 1"]));
  assert.deepEqual(await ada.page.locator(".room-list h2").allTextContents(), ["Favourites", "Yours", "Browse"]);
  assert.equal(await star("room 50").getAttribute("aria-pressed"), "true");
  await look(ada.page);
  await ada.page.getByLabel("Find a room").fill("room 5");
  await until(async () => assert.deepEqual((await names()).slice(0, 2), ["room 50", "room 59"]));
  await ada.page.getByLabel("Find a room").press("Escape");
  await ada.page.reload();
  await until(async () => assert.equal((await names())[0], "room 50"));
  await star("room 50").focus();
  await ada.page.keyboard.press("Enter");
  await until(async () => assert.equal((await names())[0], "room 100"));
  assert.deepEqual(await ada.page.locator(".room-list h2").allTextContents(), ["Yours", "Browse"]);

  // Tab stops once in the list; arrows go from room to room, and to what is done with one.
  const { page } = ada;
  const stops = page.locator(".entry :is(a, button):not([tabindex='-1'])");
  await until(async () => assert.equal(await stops.count(), 1));
  await stops.focus();
  for (const key of ["Home", "ArrowDown", "ArrowDown", "ArrowUp"]) await page.keyboard.press(key);
  const focused = () => page.evaluate(() => [document.activeElement.closest(".entry")?.querySelector(".entry-name").textContent, document.activeElement.className]);
  assert.deepEqual(await focused(), [(await names())[1], ""]);
  await page.keyboard.press("ArrowRight");
  assert.match((await focused())[1], /star/);
  await page.keyboard.press("ArrowLeft");
  assert.equal((await focused())[1], "");
  await until(async () => assert.equal(await stops.evaluate((stop) => stop === document.activeElement), true));

  // A room that another makes appears, and the whole list is not asked for to find it.
  const asked = [];
  ada.page.on("request", (request) => request.url().includes("/rooms?") && asked.push(request.url()));
  await server.room("brand new");
  await ada.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await until(async () => assert.equal((await names()).indexOf("brand new") >= 0, true));
  assert.ok(asked.every((url) => url.includes("after=")), asked.join());
  calm();
});
