import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { look, stage, until } from "./stage.mjs";

/** A page of somebody else's, which is gone when the scenario is over. */
async function openHost() {
  const host = { html: "", origin: "" };
  const page = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(host.html));
  await new Promise((resolve) => page.listen(0, "localhost", resolve));
  after(() => (page.closeAllConnections(), page.close()));
  host.origin = `http://localhost:${page.address().port}`;
  return host;
}

test("the widget fits into a page", async () => {
  const host = await openHost();
  const { server, person } = await stage(["--allowed-origin", host.origin]);
  const room = await server.room("General talk");
  await server.say(room, "Bob", "hello");
  const ada = await person("Ada");
  host.html = `<!doctype html><html lang="en"><title>Page</title>
    <style>html { font-size: 62.5% } body { font: italic 40px serif; text-transform: uppercase; letter-spacing: 1em; line-height: 4; color: red; visibility: visible; text-align: center }</style>
    <script src="http://127.0.0.1:${server.port}/widget.js"></script>
    <main><h1>A page</h1><chat-room room="general TALK"></chat-room></main>
    <script>addEventListener("chat-unread", ({ detail }) => (globalThis.told ??= []).push(detail.unread))</script>`;
  const own = await ada.context.newPage();
  await own.goto(host.origin);

  // It asks for a name once.
  await own.getByLabel("Your name").fill("Ada");
  await look(own);
  await own.getByRole("button", { name: "Join" }).click();
  await own.getByText("hello", { exact: true }).waitFor();
  await look(own);
  await own.reload();
  await own.getByText("hello", { exact: true }).waitFor();

  // What the page around says of its texts is not said of the widget's.
  const style = await own.getByText("hello", { exact: true }).evaluate((text) => {
    const { fontStyle, textTransform, letterSpacing, fontSize, color } = getComputedStyle(text);
    return { fontStyle, textTransform, letterSpacing, fontSize, color };
  });
  assert.deepEqual({ ...style, color: "" }, { fontStyle: "normal", textTransform: "none", letterSpacing: "normal", fontSize: "15px", color: "" });
  assert.notEqual(style.color, "rgb(255, 0, 0)");
  const { width, height } = await own.getByRole("button", { name: "Send" }).boundingBox();
  assert.deepEqual([width, height], [40, 40]);
  assert.equal(await own.evaluate(() => document.querySelector("chat-room").clientHeight), 512);

  // Keys go through what can be done with a message.
  await own.getByPlaceholder(/^Message /).press("ArrowUp");
  await own.keyboard.press("Enter");
  await own.locator(".message-menu").waitFor();
  await own.keyboard.press("ArrowDown");
  await own.keyboard.press("ArrowDown");
  const focused = () => document.querySelector("chat-room").shadowRoot.activeElement;
  assert.equal(await own.evaluate(`(${focused})().textContent`), "😂");
  await own.keyboard.press("Escape");

  // The server's clock is known here, too.
  assert.ok(await own.evaluate(async (server) => (await fetch(server)).headers.has("date"), `http://127.0.0.1:${server.port}/api/chat/rooms`));

  // It tells the page how much is unread, while nobody looks.
  await own.evaluate(() => Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" }));
  await server.say(room, "Bob", "one");
  await server.say(room, "Bob", "two");
  await until(async () => assert.equal((await own.evaluate(() => globalThis.told ?? [])).at(-1), 2));
});

test("the widget waits in the corner of a page", async () => {
  const host = await openHost();
  const { server, person } = await stage(["--allowed-origin", host.origin]);
  const room = await server.room("general");
  await server.say(room, "Bob", "hello");
  const ada = await person("Ada");
  host.html = `<!doctype html><html lang="en"><title>Page</title><main><h1>A page</h1></main>
    <script src="http://127.0.0.1:${server.port}/widget.js"></script>
    <chat-room room="general" launcher></chat-room>`;
  const own = await ada.context.newPage();
  const sockets = [];
  own.on("websocket", (socket) => sockets.push(socket));
  await own.goto(host.origin);

  // Nobody is connected before they want to be; then it asks for a name.
  const launcher = own.getByRole("button", { name: "Chat", exact: true });
  await launcher.click();
  await own.getByLabel("Your name").fill("Ada");
  assert.equal(sockets.length, 0);
  await own.getByRole("button", { name: "Join" }).click();
  await own.getByText("hello", { exact: true }).waitFor();
  await until(async () => assert.equal(sockets.length, 1));
  await look(own);

  // What comes while it is small is counted, and is there when it is opened.
  await own.getByRole("button", { name: "Minimise" }).click();
  await own.getByText("hello", { exact: true }).waitFor({ state: "detached" });
  assert.equal(await own.evaluate(() => document.querySelector("chat-room").shadowRoot.activeElement.className), "launcher");
  await server.say(room, "Bob", "one");
  await server.say(room, "Bob", "two");
  await own.getByText("2 unread messages").waitFor({ state: "attached" });
  await look(own);
  assert.equal(sockets.length, 1);
  await own.evaluate(() => document.querySelector("chat-room").setAttribute("open", ""));
  await own.getByText("two", { exact: true }).waitFor();
  await until(async () => assert.equal(await own.getByText("2 unread messages").count(), 0));

  // On a phone it takes the whole window.
  await own.setViewportSize({ width: 390, height: 700 });
  const box = () =>
    own.evaluate(() => {
      const { x, y, width, height } = document.querySelector("chat-room").shadowRoot.querySelector(".panel").getBoundingClientRect();
      return [x, y, width, height];
    });
  await until(async () => assert.deepEqual(await box(), [0, 0, 390, 700]));
});

test("in a page that goes from right to left, the widget does", async () => {
  const host = await openHost();
  const { server, person } = await stage(["--allowed-origin", host.origin]);
  const room = await server.room("general");
  await server.say(room, "Bob (he!)", "hello");
  const ada = await person("Ada");
  host.html = `<!doctype html><html lang="ar" dir="rtl"><title>Page</title><script src="http://127.0.0.1:${server.port}/widget.js"></script>
    <main><h1>A page</h1><chat-room room="general" username="Ada"></chat-room></main>
    <chat-room room="general" username="Cyd" launcher></chat-room>`;
  const own = await ada.context.newPage();
  await own.goto(host.origin);
  const field = own.locator("chat-room:not([launcher]) .composer textarea");
  await field.fill("mine");
  await field.press("Enter");
  const box = (selector) => own.locator(`chat-room:not([launcher]) ${selector}`).first().boundingBox();
  await own.locator(".message.own").waitFor();
  const [mine, theirs, pane, send, text] = await Promise.all([".own .bubble", ".message:not(.own) .bubble", ".list", ".send", ".field textarea"].map(box));
  const middle = pane.x + pane.width / 2;
  assert.ok(mine.x + mine.width < middle && theirs.x > middle, "one's own messages are on the left, those of others on the right");
  assert.ok(send.x < text.x, "the button is where writing ends");
  assert.ok((await own.locator(".launcher").boundingBox()).x < 100, "the button of the other is in the left corner");
  // A name keeps its own order.
  assert.equal(await own.locator(".author bdi, .author .name").first().innerText(), "Bob (he!)");
  assert.equal(await own.locator(".author bdi").first().evaluate((name) => getComputedStyle(name).unicodeBidi), "isolate");
  await look(own);
});
