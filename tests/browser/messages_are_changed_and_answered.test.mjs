import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const row = (person, text) => person.page.locator(".row", { has: person.page.locator(".bubble", { hasText: text }) });
const menu = async (person, text, act) => {
  const line = row(person, text).locator(".line");
  await line.hover();
  await row(person, text).getByRole("button", { name: "More" }).click();
  await person.page.locator(".message-menu").getByRole("button", { name: act }).click();
};

test("messages are edited, answered, reacted to, pinned and deleted, in both browsers", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const ada = await account("Ada");
  const { id: room } = await ada.call("POST", "/rooms", { name: "general" });
  const bob = await account("Bob");
  await ada.go(room);
  await bob.go(room);
  await ada.say("Lunch at noon?");
  await bob.sees(["Lunch at noon?"]);

  // An answer leads to what it answers, and shows what that says now.
  await row(bob, "Lunch at noon?").locator(".line").hover();
  await row(bob, "Lunch at noon?").getByRole("button", { name: "Answer" }).click();
  await bob.page.getByText("Answering Ada").waitFor();
  await look(bob.page);
  await bob.say("Gladly");
  await bob.page.getByText("Answering Ada").waitFor({ state: "detached" });
  await ada.page.locator(".quote", { hasText: "Lunch at noon?" }).waitFor();
  await menu(ada, "Lunch at noon?", "Edit");
  const field = ada.page.getByLabel("Edit the message");
  assert.equal(await field.inputValue(), "Lunch at noon?");
  await look(ada.page);
  await field.fill("Lunch at one?");
  await field.press("Enter");
  for (const person of [ada, bob]) {
    await person.sees(["Lunch at one?", "Gladly"]);
    await person.page.locator(".quote", { hasText: "Lunch at one?" }).waitFor();
    await row(person, "Lunch at one?").getByText("edited").waitFor();
  }
  await bob.page.locator(".quote").click();
  await bob.page.locator(".row.marked", { hasText: "Lunch at one?" }).waitFor();
  // With keys alone, the menu of the answer leads there.
  await bob.field().press("ArrowUp");
  await bob.page.keyboard.press("Enter");
  await bob.page.locator(".message-menu").getByRole("button", { name: "Go to what it answers" }).press("Enter");
  await until(async () => assert.equal(await bob.page.evaluate(() => document.activeElement.closest(".row")?.textContent.includes("Lunch at one?")), true));

  // What it said before is no secret.
  await menu(bob, "Lunch at one?", "Earlier versions");
  await until(async () => assert.deepEqual(await bob.page.locator(".edit-text").allInnerTexts(), ["Lunch at noon?", "Lunch at one?"]));
  await bob.page.keyboard.press("Escape");

  // Reactions are counted, and taken back.
  await menu(bob, "Lunch at one?", "👍");
  const thumbs = (person) => row(person, "Lunch at one?").locator(".reactions").getByRole("button");
  await until(async () => assert.equal(await thumbs(ada).innerText(), "👍\n1"));
  assert.equal(await thumbs(ada).getAttribute("aria-pressed"), "false");
  await thumbs(ada).click();
  await until(async () => assert.equal(await thumbs(bob).innerText(), "👍\n2"));
  await look(bob.page);
  await menu(ada, "Lunch at one?", "Who reacted");
  await until(async () => assert.deepEqual(await ada.page.getByRole("dialog").getByRole("listitem").locator("bdi").allInnerTexts(), ["Bob", "👍", "Ada", "👍"]));
  await ada.page.keyboard.press("Escape");
  await thumbs(bob).click();
  await until(async () => assert.equal(await thumbs(ada).innerText(), "👍\n1"));
  assert.equal(await thumbs(ada).getAttribute("aria-pressed"), "true");

  // Any emoji, by its name.
  await row(ada, "Lunch at one?").locator(".line").hover();
  await row(ada, "Lunch at one?").getByRole("button", { name: "React" }).click();
  await ada.page.getByRole("button", { name: "More reactions" }).click();
  await ada.page.getByRole("textbox", { name: "Find an emoji" }).fill("rocket");
  await ada.page.getByRole("button", { name: "🚀" }).first().waitFor();
  await look(ada.page);
  await ada.page.getByRole("textbox", { name: "Find an emoji" }).press("Enter");
  await until(async () => assert.deepEqual(await thumbs(bob).allInnerTexts(), ["👍\n1", "🚀\n1"]));
  await thumbs(ada).last().click();
  await until(async () => assert.equal(await thumbs(bob).count(), 1));

  // Owners pin; everyone sees it.
  await menu(ada, "Gladly", "Pin");
  await bob.page.locator(".pinned").waitFor();
  await bob.page.getByRole("button", { name: "Pinned messages" }).click();
  await bob.page.getByRole("dialog").getByText("Gladly").click();
  await bob.page.locator(".row.marked", { hasText: "Gladly" }).waitFor();
  await row(bob, "Lunch at one?").locator(".line").hover();
  await row(bob, "Lunch at one?").getByRole("button", { name: "More" }).click();
  await bob.page.locator(".message-menu").waitFor();
  assert.deepEqual(await bob.page.locator(".message-menu .menu-item").allInnerTexts(), ["Answer", "Answer in a thread", "Copy message", "Copy link", "Who reacted", "Earlier versions", "About this person"]);
  await look(bob.page);
  await bob.page.keyboard.press("Escape");

  // With the keyboard alone: to the message, edit, delete.
  await ada.say("Oops");
  await ada.sees(["Lunch at one?", "Gladly", "Oops"]);
  await ada.field().press("ArrowUp");
  await ada.page.keyboard.press("e");
  await field.waitFor();
  await ada.page.keyboard.press("Escape");
  await until(async () => assert.equal(await ada.page.evaluate(() => document.activeElement.closest(".row")?.innerText.startsWith("Oops")), true));
  await ada.page.keyboard.press("Delete");
  await ada.page.getByRole("button", { name: "Delete for everyone" }).click();
  await bob.sees(["Lunch at one?", "Gladly", "This message was deleted."]);

  // A moderator deletes what others wrote, and says why.
  await menu(ada, "Gladly", "Delete");
  await ada.page.getByLabel("Reason").fill("x".repeat(501));
  await ada.page.getByText("1 character too many").waitFor();
  assert.ok(await ada.page.getByRole("button", { name: "Delete for everyone" }).isDisabled());
  await ada.page.getByLabel("Reason").fill("Spam");
  await look(ada.page);
  await ada.page.getByRole("button", { name: "Delete for everyone" }).click();
  await bob.sees(["Lunch at one?", "This message was deleted.", "This message was deleted."]);
  calm();
});

test("what is refused is told, and what was written is kept", async () => {
  const { account, openWire, calm } = await stage(["--accounts"]);
  const ada = await account("Ada");
  const { id: room } = await ada.call("POST", "/rooms", { name: "general" });
  const bob = await account("Bob");
  await bob.go(room);
  await bob.say("Mine");
  await bob.sees(["Mine"]);
  const { user } = bob;
  await menu(bob, "Mine", "Edit");
  await ada.call("PUT", `/rooms/${room}/mutes/${encodeURIComponent(user)}`, {});
  const field = bob.page.getByLabel("Edit the message");
  await field.fill("Mine, changed");
  await bob.page.getByRole("button", { name: "Save" }).click();
  await bob.page.getByText("You may only read in this room.").waitFor();
  assert.equal(await field.inputValue(), "Mine, changed");
  await bob.page.getByRole("button", { name: "Cancel" }).click();
  await bob.sees(["Mine"]);
  await menu(bob, "Mine", "🎉");
  await bob.page.getByText("You may only read in this room.").waitFor();
  assert.equal(await bob.page.locator(".reactions").count(), 0);
  calm();
});

test("a link leads to its message, however far away", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  for (let at = 1; at <= 250; at += 1) await server.say(room, "Bob", `Message ${at}`);
  const ada = await person("Ada", { room });
  await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}/20`), room);
  const marked = ada.page.locator(".row.marked");
  await marked.waitFor();
  assert.match(await marked.innerText(), /Message 20/);
  await until(async () => assert.equal(await ada.page.evaluate(() => document.activeElement.matches(".row.marked")), true));
  const box = await marked.boundingBox();
  assert.ok(box.y > 100 && box.y < 600, "in the middle of the window");

  // The same link leads there again, from wherever one has gone since; Back leads to where one was before.
  await ada.page.evaluate(() => void document.activeElement.blur());
  const inSight = (text) => ada.page.locator(".row .bubble .text", { hasText: new RegExp(`^${text}$`) });
  const seenNow = async (text) => {
    const row = inSight(text);
    await row.waitFor();
    const { y } = await row.boundingBox();
    assert.ok(y > 50 && y < ada.page.viewportSize().height, `${text} at ${y}`);
  };
  await ada.page.getByRole("log").evaluate((log) => void (log.scrollTop += 900));
  await until(async () => assert.ok((await inSight("Message 20").boundingBox())?.y < 0));
  await ada.page.evaluate(() => document.body.append(Object.assign(document.createElement("a"), { href: location.hash, id: "again", textContent: "again" })));
  await ada.page.evaluate(() => {
    const link = document.getElementById("again");
    link.click();
    link.remove();
  });
  await until(() => seenNow("Message 20"));
  const place = () => ada.page.evaluate(() => JSON.stringify(history.state?.place));
  const before = await place();
  await ada.page.getByRole("log").evaluate((log) => void (log.scrollTop -= 50));
  await until(async () => assert.notEqual(await place(), before));
  await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}/120`), room);
  await until(() => seenNow("Message 120"));
  await ada.page.goBack();
  await until(() => seenNow("Message 20"));
  assert.equal(await ada.page.locator(".row.marked", { hasText: "Message 20" }).count(), 0);
  await ada.page.goBack();
  await until(() => seenNow("Message 250"));

  // At the first visit, too; and a message that is not there is told.
  const again = await ada.open(`/#/rooms/${room}/100`);
  await again.locator(".row.marked", { hasText: "Message 100" }).waitFor();
  await again.evaluate((id) => void (location.hash = `#/rooms/${id}/9999`), room);
  await again.getByText("There is no such message here.").waitFor();

  // The first message of a day or later is found, and that there is none.
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  await ada.page.getByRole("button", { name: "Search messages" }).click();
  await ada.page.getByLabel("Go to a date").fill(day(2));
  await ada.page.getByRole("button", { name: "Go there" }).click();
  await ada.page.getByText("Nothing was written on that day or later.").waitFor();
  await look(ada.page);
  await ada.page.getByLabel("Go to a date").fill(day(-2));
  await ada.page.getByRole("button", { name: "Go there" }).click();
  await ada.page.locator(".row.marked").getByText("Message 1", { exact: true }).waitFor();
  await ada.page.getByRole("dialog").waitFor({ state: "detached" });

  // The answer to a message that is not loaded shows it, as it is now.
  await server.call("POST", `/rooms/${room}/messages?username=Bob`, { content: "About the third", reply_to: 3 });
  await ada.page.getByRole("button", { name: /newest|new message/ }).click();
  await ada.page.locator(".quote", { hasText: "Message 3" }).waitFor();
  await server.call("PATCH", `/rooms/${room}/messages/3?username=Bob`, { content: "Number three" });
  await ada.page.locator(".quote", { hasText: "Number three" }).click();
  await ada.page.locator(".row.marked", { hasText: "Number three" }).waitFor();

  // A link that was copied leads whoever gets it to the message.
  await ada.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await menu(ada, "Number three", "Copy link");
  const copied = () => ada.page.evaluate(() => navigator.clipboard.readText());
  await until(async () => assert.equal(await copied(), `${ada.home}/#/rooms/${room}/3`));
  const cyd = await person("Cyd");
  await cyd.page.goto(await copied());
  await cyd.page.locator(".row.marked", { hasText: "Number three" }).waitFor();
  calm(/status of 404/);
});

test("on a phone, a finger that rests shows what can be done", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  await server.say(room, "Bob", "Press me");
  const ada = await person("Ada", { room, context: { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } } });
  const line = ada.page.locator(".line", { hasText: "Press me" });
  await line.evaluate((element) => {
    const box = element.querySelector(".bubble").getBoundingClientRect();
    element.querySelector(".bubble").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, pointerType: "touch", clientX: box.x + 5, clientY: box.y + 5 }));
  });
  await ada.page.locator(".message-menu").waitFor();
  await look(ada.page);
  const menu = await ada.page.locator(".message-menu").evaluate((element) => {
    const box = element.getBoundingClientRect();
    const targets = [...element.querySelectorAll("button")].map((button) => Math.min(button.offsetWidth, button.offsetHeight));
    return [box.width, Math.round(box.bottom), Math.min(...targets) >= 44];
  });
  assert.deepEqual(menu, [390, 800, true]);
  await ada.page.goBack();
  await ada.page.locator(".message-menu").waitFor({ state: "detached" });

  // Return begins a new line where a message is edited, too.
  await ada.say("One line");
  await ada.page.getByRole("button", { name: "Send" }).tap();
  await ada.sees(["Press me", "One line"]);
  await row(ada, "One line").focus();
  await ada.page.keyboard.press("e");
  const field = ada.page.getByLabel("Edit the message");
  await field.press("Enter");
  await field.pressSequentially("and another");
  await ada.page.getByRole("button", { name: "Save" }).tap();
  await ada.sees(["Press me", "One line\nand another"]);
  calm();
});
