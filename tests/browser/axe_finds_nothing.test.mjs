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
    await server.start();
    await ada.page.evaluate(() => localStorage.clear());
    await ada.page.goto("about:blank");
    await ada.page.goto(ada.home);
    await ada.page.getByRole("heading", { name: "Come on in" }).waitFor();
    await look(ada.page, "the name");
    assert.deepEqual(found, []);
    calm(/WebSocket connection to|Failed to load resource: net::|about:blank/);
  });
}
