import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const room = (person) => person.page.locator(".room-body");
const thread = (person) => person.page.locator("aside.thread");
const row = (within, text) => within.locator(".row", { has: within.page().locator(".bubble", { hasText: text }) });
const texts = (within) => within.locator(".bubble .text").allInnerTexts();
const shows = (within, expected) => until(async () => assert.deepEqual(await texts(within), expected));
const field = (person) => thread(person).getByLabel("Answer in the thread");
const answer = async (person, text) => {
  await field(person).fill(text);
  await field(person).press("Enter");
};
const act = async (within, text, name) => {
  await row(within, text).locator(".line").hover();
  await row(within, text).getByRole("button", { name: "More" }).click();
  await within.page().locator(".message-menu").getByRole("button", { name }).click();
};

test("a thread is beside its room", async () => {
  const { server, person, calm } = await stage();
  const id = await server.room("general");
  const context = { reducedMotion: "reduce" };
  const [ada, bob] = [await person("Ada", { room: id, context }), await person("Bob", { room: id, context })];
  await ada.say("Who comes along?");
  await ada.say("It begins at eight.");
  await bob.sees(["Who comes along?", "It begins at eight."]);

  // It is begun with the menu; what is written there stands there alone.
  await act(room(bob), "Who comes along?", "Answer in a thread");
  await thread(bob).getByText("No answers yet").waitFor();
  await look(bob.page);
  await answer(bob, "I do");
  await shows(thread(bob), ["Who comes along?", "I do"]);
  await until(async () => assert.deepEqual(await texts(room(bob)), ["Who comes along?", "It begins at eight."]));

  // The message says so to all, and leads there.
  const line = room(ada).getByRole("button", { name: /^1 answer/ });
  assert.match(await line.innerText(), /1 answer\s*last: \d+:\d\d/);
  await line.click();
  await shows(thread(ada), ["Who comes along?", "I do"]);
  await until(async () => assert.equal(await ada.page.evaluate(() => document.activeElement.matches(".thread textarea")), true));
  assert.equal(await ada.page.locator("aside.people").count(), 0, "one panel is open at a time");
  await look(ada.page);

  // All that is done with messages is done there, too.
  await answer(ada, "Good!");
  await shows(thread(bob), ["Who comes along?", "I do", "Good!"]);
  await row(thread(bob), "Good!").locator(".line").hover();
  await row(thread(bob), "Good!").getByRole("button", { name: "Answer" }).click();
  await thread(bob).getByText("Answering Ada").waitFor();
  await answer(bob, "See you then");
  await thread(ada).locator(".quote", { hasText: "Good!" }).waitFor();
  await act(thread(ada), "See you then", "👍");
  await row(thread(bob), "See you then").locator(".reactions").getByText("👍").waitFor();
  await act(thread(bob), "I do", "Edit");
  await thread(bob).getByLabel("Edit the message").fill("I do, with Cleo");
  await thread(bob).getByLabel("Edit the message").press("Enter");
  await shows(thread(ada), ["Who comes along?", "I do, with Cleo", "Good!", "See you then"]);
  assert.equal(await ada.page.locator(".message-menu").count(), 0);

  // What was being written is kept by thread, and the focus goes back to where it came from.
  await field(ada).fill("Not yet");
  await field(ada).press("Escape");
  await thread(ada).waitFor({ state: "detached" });
  assert.equal(await ada.field().inputValue(), "");
  await ada.field().press("ArrowUp");
  await ada.page.keyboard.press("ArrowUp");
  await ada.page.keyboard.press("t");
  await until(async () => assert.equal(await field(ada).inputValue(), "Not yet"));
  await field(ada).fill("");

  // A deletion is counted, also by those who have not seen what is deleted.
  await bob.page.reload();
  await room(bob).getByRole("button", { name: /^3 answers/ }).waitFor();
  await act(thread(ada), "Good!", "Delete");
  await ada.page.getByRole("button", { name: "Delete for everyone" }).click();
  await room(bob).getByRole("button", { name: /^2 answers/ }).waitFor();
  await thread(ada).locator(".answers-below", { hasText: "2 answers" }).waitFor();

  // A link leads to the message in its thread, and Back closes it.
  const { messages } = await server.call("GET", `/rooms/${id}/messages/1/thread`);
  const last = messages.at(-1).seq;
  const cleo = await person("Cleo", { context });
  await cleo.page.evaluate((hash) => void (location.hash = hash), `#/rooms/${id}/${last}`);
  await thread(cleo).locator(".row.marked", { hasText: "See you then" }).waitFor();
  await cleo.page.goBack();
  await thread(cleo).waitFor({ state: "detached" });
  await room(cleo).getByText("It begins at eight.").waitFor();

  // So does what a search finds.
  await cleo.page.getByRole("button", { name: "Search messages" }).click();
  await until(async () => {
    await cleo.page.getByLabel("What was said?").fill("");
    await cleo.page.getByLabel("What was said?").fill("with Cleo");
    await cleo.page.getByRole("dialog").locator(".found a").waitFor({ timeout: 2_000 });
  });
  await cleo.page.getByRole("dialog").locator(".found a").click();
  await thread(cleo).locator(".row.marked", { hasText: "with Cleo" }).waitFor();
  calm();
});

test("on a phone, a thread is in front of its room", async () => {
  const { server, person, calm } = await stage();
  const id = await server.room("general");
  await server.say(id, "Bob", "The root");
  for (let at = 1; at <= 130; at += 1) await server.call("POST", `/rooms/${id}/messages?username=Bob`, { content: `Answer ${at}`, thread: 1 });
  const ada = await person("Ada", { room: id, context: { hasTouch: true, isMobile: true, reducedMotion: "reduce", viewport: { width: 390, height: 800 } } });
  const line = room(ada).getByRole("button", { name: /^130 answers/ });
  assert.ok((await line.boundingBox()).height >= 44);
  await line.tap();
  await thread(ada).getByText("Answer 130").waitFor();
  const { x, y, width, height } = await thread(ada).boundingBox();
  assert.deepEqual([x, y, width, height], [0, 0, 390, 800]);
  await look(ada.page);

  // Its beginning is at its top.
  await until(async () => {
    await thread(ada).locator(".list").evaluate((list) => void (list.scrollTop = 0));
    assert.equal(await thread(ada).getByText("The root").count(), 1);
  });

  // One's own message goes to the end, and is there at once.
  await thread(ada).locator("textarea").fill("Mine");
  await thread(ada).getByRole("button", { name: "Send" }).tap();
  await thread(ada).getByText("Mine").waitFor();
  await until(async () => assert.equal(await thread(ada).locator(".sending").count(), 0));

  // Behind the thread nothing is read.
  await server.say(id, "Bob", "Meanwhile");
  await ada.page.waitForFunction(() => document.querySelector(".room-body .list")?.textContent.includes("Meanwhile"));
  await until(async () => assert.match(await ada.page.title(), /^\(1\) /));
  await ada.page.goBack();
  await thread(ada).waitFor({ state: "detached" });
  await until(async () => assert.doesNotMatch(await ada.page.title(), /^\(/));
  await room(ada).getByRole("button", { name: /^131 answers/ }).waitFor();
  calm();
});

test("what can be done with a message is in sight where a thread is open", async () => {
  const { server, person, calm } = await stage();
  const id = await server.room("general");
  const long = "as long as they are wide ".repeat(20).trim();
  const { seq } = await server.say(id, "Bob", long);
  await server.call("POST", `/rooms/${id}/messages?username=Bob`, { content: long, thread: seq });
  const ada = await person("Ada", { room: id, context: { reducedMotion: "reduce" } });
  await room(ada).getByRole("button", { name: /^1 answer/ }).click();
  await shows(thread(ada), [long, long]);
  for (const within of [room(ada), thread(ada)]) {
    const last = within.locator(".row").last();
    await last.locator(".line").hover();
    const [list, tools] = await Promise.all([within.locator(".list"), last.locator(".tools")].map((each) => each.boundingBox()));
    assert.ok(tools.x >= list.x && tools.x + tools.width <= list.x + list.width, JSON.stringify([tools, list]));
  }
  calm();
});
