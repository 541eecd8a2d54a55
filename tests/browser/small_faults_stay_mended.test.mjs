import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

test("lines about the room survive a reload, and name all that changed", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  await ada.say("before");
  await ada.sees(["before"]);
  await server.call("PATCH", `/rooms/${room}?username=Bob`, { name: "plans", topic: "For the weekend" });
  await server.call("PATCH", `/rooms/${room}?username=Bob`, { topic: "" });
  await ada.say("after");
  const lines = ["Bob renamed the room to “plans” · Bob changed the topic to “For the weekend”", "Bob removed the topic"];
  const shown = async () => (await ada.page.locator(".row").evaluateAll((rows) => rows.map((row) => row.querySelector(".notice span, .bubble .text").textContent)));
  await until(async () => assert.deepEqual(await shown(), ["before", ...lines, "after"]));
  await ada.page.reload();
  await until(async () => assert.deepEqual(await shown(), ["before", ...lines, "after"]));
  assert.equal(await ada.page.locator("[aria-live=polite][aria-atomic]").textContent(), "");
  calm();
});

test("a message keeps the spaces it begins with, and is counted as the server counts", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  await ada.say("\n  \n    if (code) {\n      keep();\n    }\n\n");
  await ada.sees(["    if (code) {\n      keep();\n    }"]);
  await ada.say("🎉".repeat(4_000));
  await until(async () => assert.equal((await server.history(room))[1]?.length, 8_000));
  await ada.field().fill("🎉".repeat(4_001));
  await ada.page.getByText("1 character too many").waitFor();
  await ada.field().fill("\u200b\u2060");
  await ada.page.getByText("There is nothing in it that can be seen.").waitFor();
  await ada.field().fill("");

  // Names and topics are cut nowhere, and what is too long is told before anything is sent.
  const asked = [];
  ada.page.on("request", (request) => request.method() === "POST" && asked.push(request.url()));
  await ada.page.getByRole("button", { name: "New room" }).first().click();
  await ada.page.getByLabel("Name", { exact: true }).fill("🎉".repeat(101));
  await ada.page.getByRole("button", { name: "Create room" }).click();
  await ada.page.getByText("1 to 100 characters").waitFor();
  assert.deepEqual(asked, []);
  await ada.page.getByLabel("Name", { exact: true }).fill("🎉".repeat(100));
  await ada.page.getByRole("button", { name: "Create room" }).click();
  await ada.page.getByRole("heading", { name: "🎉".repeat(100) }).first().waitFor();
  calm();
});

test("a room that cannot be is told once, and a deleted one leaves the title", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  const asked = [];
  ada.page.on("request", (request) => new RegExp(`/rooms/(?!${room}[/?])`).test(request.url()) && asked.push(request.url()));
  for (const address of ["9999999999999999", "abc", "0"]) {
    await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}`), address);
    await ada.page.getByRole("heading", { name: "There is no such room" }).waitFor();
  }
  assert.deepEqual(asked, []);
  await ada.go(room);
  await until(async () => assert.equal(await ada.page.title(), "general · Chat"));
  await server.call("DELETE", `/rooms/${room}`);
  await ada.page.getByRole("heading", { name: "This room is gone" }).waitFor();
  await until(async () => assert.equal(await ada.page.title(), "Chat"));
  // Who is in the room was asked before, and may be answered when it is gone.
  calm(new RegExp(`${LOST.source}|status of 404 .*/rooms/${room}/members`));
});

test("windows that follow each other faster than the browser goes back neither close themselves nor leave the room", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  // The page's own ways back, until the browser has gone them.
  await ada.page.evaluate(() => {
    globalThis.ways = 0;
    const back = history.back.bind(history);
    history.back = () => ((globalThis.ways += 1), back());
    addEventListener("popstate", () => (globalThis.ways -= 1));
  });
  const stays = await ada.page.evaluate(async () => {
    const [about, went] = [document.querySelector(".room-head [aria-label='About this room']"), new Promise((resolve) => addEventListener("popstate", resolve, { once: true }))];
    // A key has everything drawn that waits for a frame.
    const press = (button) => (button.click(), dispatchEvent(new Event("keydown")));
    for (let each = 0; each < 3; each += 1) {
      press(about);
      press(document.querySelector("dialog [aria-label=Close]"));
      await new Promise((resolve) => setTimeout(resolve));
    }
    press(about);
    await went;
    dispatchEvent(new Event("keydown"));
    return [document.querySelectorAll("dialog").length, location.hash];
  });
  assert.deepEqual(stays, [1, `#/rooms/${room}`]);
  // A way back of a person's own would be one more while the browser is still on another.
  await until(async () => assert.deepEqual(await ada.page.evaluate(() => [globalThis.ways, history.state?.dialog]), [0, true]));
  await ada.page.goBack();
  await ada.page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await ada.page.evaluate(() => location.hash), `#/rooms/${room}`);
  calm();
});

test("an address that is asked for while the step of a window is left is gone to", async () => {
  const { server, person, calm } = await stage();
  const [room, other] = [await server.room("general"), await server.room("other")];
  const ada = await person("Ada", { room });
  // The address is asked for when the browser has just been told to go back, and has not.
  await ada.page.evaluate(([room, other]) => {
    globalThis.isBack = new Promise((resolve) => addEventListener("popstate", () => location.hash === `#/rooms/${room}` && resolve()));
    const back = history.back.bind(history);
    history.back = () => {
      history.back = back;
      back();
      location.hash = `#/rooms/${other}`;
    };
  }, [room, other]);
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("dialog").waitFor();
  await ada.page.keyboard.press("Escape");
  await ada.page.evaluate(() => globalThis.isBack);
  await ada.page.getByRole("heading", { name: "other", exact: true }).first().waitFor();
  await ada.page.goBack();
  await ada.page.getByRole("heading", { name: "general", exact: true }).first().waitFor();
  assert.equal(await ada.page.evaluate(() => location.hash), `#/rooms/${room}`);
  calm();
});

test("Back closes a dialog first, and names that cannot be are asked for anew", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("dialog").waitFor();
  await ada.page.goBack();
  await ada.page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(new URL(ada.page.url()).hash, `#/rooms/${room}`);
  // One that is closed leaves nothing for Back, and one may follow another.
  await ada.page.getByRole("button", { name: "About this room" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await ada.page.getByRole("button", { name: "Keep it" }).click();
  await ada.page.getByRole("dialog").waitFor({ state: "detached" });
  await until(async () => assert.equal(await ada.page.evaluate(() => history.state?.dialog), undefined));
  await ada.page.goBack();
  await ada.page.getByRole("heading", { name: "Hello, Ada" }).waitFor();

  for (const garbage of ["{", "7", '{"name":1}', '"\\u0000"', `"${"x".repeat(65)}"`]) {
    await ada.page.evaluate((name) => localStorage.setItem("chat.name", name), garbage);
    await ada.page.reload();
    await ada.page.getByText("What should the others call you?").waitFor();
  }
  calm();
});

test("clocks that are wrong change nothing", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  await server.say(room, "Bob", "just now");
  const ada = await person("Ada", { room });
  const tab = await ada.open("/");
  await tab.addInitScript(() => {
    const { now } = Date;
    Date.now = () => now() - 3 * 86_400_000;
  });
  await tab.goto(`${ada.home}/#/rooms/${room}`);
  await tab.reload();
  await ada.sees(["just now"], tab);
  await tab.locator(".day").getByText("Today").waitFor();
  calm();
});
