import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, violations } from "./stage.mjs";

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing, ${colorScheme}`, async () => {
    const { server, person, calm } = await stage();
    const context = { colorScheme, reducedMotion: "reduce" };
    const found = [];
    const look = async (page, where) => {
      for (const { id, impact, nodes } of await violations(page)) found.push(...nodes.map(({ html, any }) => ({ where, id, impact, html, why: any.map(({ message }) => message).join("; ") })));
    };

    const ada = await person("Ada", { context });
    await look(ada.page, "no rooms");
    const room = await server.room("general", "About everything");
    const other = await server.room("other");
    await ada.page.reload();
    await ada.page.getByRole("link", { name: /general/ }).waitFor();
    await look(ada.page, "the rooms");
    await ada.go(room);
    await look(ada.page, "an empty room");
    const bob = await person("Bob", { context, room });
    await bob.say("Hello, see https://example.org");
    await bob.say("🎉");
    // A message ends its author's typing, also what came just before it: it has to be there first.
    await ada.page.getByText("🎉").first().waitFor();
    await ada.say("Hello!");
    await bob.field().fill("typing");
    await ada.page.getByText("Bob is typing").first().waitFor();
    // On a wide page the people stand beside the room already.
    await ada.page.getByRole("complementary", { name: "Who is here" }).waitFor();
    await look(ada.page, "a room, and who is here");
    await ada.page.getByRole("button", { name: "2 people here" }).click();
    await look(ada.page, "a room");
    await ada.page.getByRole("button", { name: "Emoji" }).click();
    await look(ada.page, "emoji");
    for (const [button, what] of [["New room", "a new room"], ["About this room", "about the room"], ["Keys", "the keys"]]) {
      await ada.page.getByRole("button", { name: button }).first().click();
      await ada.page.getByRole("dialog").waitFor();
      await look(ada.page, what);
      await ada.page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    }
    // What can be done with a message, and its windows.
    const { seq } = await server.say(room, "Bob", "Lunch at noon?");
    const message = `/rooms/${room}/messages/${seq}`;
    await server.call("PATCH", `${message}?username=Bob`, { content: "Lunch at one?" });
    await server.call("PUT", `${message}/reactions/${encodeURIComponent("👍")}?username=Bob`);
    await server.call("PUT", `${message}/pin?username=Bob`);
    await server.call("POST", `/rooms/${room}/messages?username=Bob`, { content: "Gladly", reply_to: seq });
    await server.call("POST", `/rooms/${room}/messages?username=Bob`, { content: "In a thread", thread: seq });
    const row = ada.page.locator(`.row[data-seq="${seq}"]`);
    await row.locator(".thread-line").waitFor();
    const close = async () => {
      await ada.page.keyboard.press("Escape");
      await ada.page.locator("dialog").waitFor({ state: "detached" });
    };
    const menu = async () => {
      await row.focus();
      await row.press("Enter");
      await ada.page.locator(".message-menu").waitFor();
    };
    await menu();
    await look(ada.page, "what can be done with a message");
    await close();
    for (const act of ["Who reacted", "Earlier versions"]) {
      await menu();
      await ada.page.locator(".message-menu").getByRole("button", { name: act }).click();
      await ada.page.getByRole("dialog").getByRole("listitem").first().waitFor();
      await look(ada.page, act);
      await close();
    }
    await ada.page.getByRole("button", { name: "Pinned messages" }).click();
    await ada.page.getByRole("dialog").getByRole("listitem").first().waitFor();
    await look(ada.page, "pins");
    await close();
    const mine = ada.page.locator(".row", { hasText: "Hello!" });
    await mine.press("Delete");
    await ada.page.getByRole("button", { name: "Delete for everyone" }).waitFor();
    await look(ada.page, "deleting a message");
    await close();
    await mine.press("e");
    await ada.page.getByLabel("Edit the message").waitFor();
    await look(ada.page, "editing a message");
    await ada.page.keyboard.press("Escape");
    await row.locator(".thread-line").click();
    await ada.page.getByRole("complementary", { name: "Thread" }).getByText("In a thread").waitFor();
    await look(ada.page, "a thread");
    await ada.page.getByRole("complementary", { name: "Thread" }).getByRole("button", { name: "Close" }).click();
    for (const name of ["Search messages", "Settings"]) {
      await ada.page.getByRole("button", { name }).first().click();
      await ada.page.getByRole("dialog").waitFor();
      await look(ada.page, name);
      await close();
    }
    await ada.page.keyboard.press("Control+k");
    await ada.page.getByRole("dialog").getByRole("option").first().waitFor();
    await look(ada.page, "the switcher");
    await close();

    // What is not there.
    await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}/9999`), room);
    await ada.page.getByText("There is no such message here.").waitFor();
    await look(ada.page, "no such message");
    await ada.page.evaluate(() => void (location.hash = "#/rooms/9999"));
    await ada.page.locator("main .state").waitFor();
    await look(ada.page, "no such room");
    const brief = await server.room("brief");
    await ada.page.evaluate((id) => void (location.hash = `#/rooms/${id}`), brief);
    await ada.page.getByPlaceholder("Message brief").waitFor();
    await server.call("DELETE", `/rooms/${brief}?username=Ada`);
    await ada.page.getByRole("heading", { name: "This room is gone" }).waitFor();
    await look(ada.page, "a room that was deleted");

    // What came while one was elsewhere.
    await ada.go(other);
    await server.say(other, "Cem", "seen");
    await ada.page.locator(".bubble", { hasText: "seen" }).waitFor();
    await ada.go(room);
    for (let at = 1; at <= 30; at += 1) await server.say(other, "Cem", `news ${at}`);
    await ada.go(other);
    await ada.page.locator(".unread-line").waitFor();
    await look(ada.page, "what is new");
    await ada.go(room);
    await ada.page.locator(".entry", { hasText: "other" }).hover();
    await ada.page.locator(".entry", { hasText: "other" }).getByRole("button", { name: /^Delete/ }).click();
    await ada.page.getByRole("dialog").waitFor();
    await look(ada.page, "deleting a room");
    await close();
    await ada.go(other);
    await ada.page.getByRole("button", { name: /newest|new message/ }).click();
    await ada.page.getByText("news 30").waitFor();
    await ada.go(room);
    await server.say(other, "Cem", "unread");
    await ada.page.getByText("1 unread message").waitFor();
    await ada.page.setViewportSize({ width: 360, height: 740 });
    await look(ada.page, "a room on a phone");
    await ada.page.getByRole("link", { name: "All rooms" }).click();
    await look(ada.page, "the rooms on a phone");

    await ada.page.setViewportSize({ width: 1280, height: 800 });
    await ada.go(room);
    await server.kill();
    await ada.page.getByRole("button", { name: /^Try now/ }).waitFor();
    await ada.say("into the silence");
    await look(ada.page, "not connected");
    await ada.page.evaluate(() => void (location.hash = "#/rooms/77"));
    await ada.page.getByRole("alert").getByText("It is tried again by itself.").waitFor();
    await look(ada.page, "a room that does not open");
    await server.start();
    await ada.page.evaluate(() => localStorage.clear());
    await ada.page.goto("about:blank");
    await ada.page.goto(ada.home);
    await ada.page.getByRole("heading", { name: "Come on in" }).waitFor();
    await look(ada.page, "the name");
    assert.deepEqual(found, []);
    calm(/WebSocket connection to|Failed to load resource: net::|about:blank|status of 404/);
  });
}
