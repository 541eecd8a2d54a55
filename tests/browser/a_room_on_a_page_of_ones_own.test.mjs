// The README's snippet, as it stands there, on a page of another origin; and what a person sees without the flag beside it.
// And a page that says by its own login who somebody is, with the script of the examples.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LOST, look, stage, until } from "./stage.mjs";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const SNIPPET = /```html\n(.*?)```/s.exec(README)[1];

test("a room on a page of one's own", async () => {
  const page = createServer(({ url }, answer) => {
    const written = url === "/named" ? snippet.replace('room="1"', 'room="general"') : snippet;
    answer.setHeader("content-type", "text/html").end(`<!doctype html><html lang="en"><title>Page</title><body><main><h1>A page</h1>${written}</main>`);
  });
  await new Promise((resolve) => page.listen(0, "localhost", resolve));
  after(() => (page.closeAllConnections(), page.close()));
  const origin = `http://localhost:${page.address().port}`;
  let snippet;

  const { server, person, calm } = await stage();
  await server.room("general");
  snippet = SNIPPET.replaceAll("127.0.0.1:8080", `127.0.0.1:${server.port}`);
  assert.match(README, /--allowed-origin http:\/\/localhost:8000/);
  const ada = await person("Ada", { room: 1 });

  // Not let in: the widget says why, and the log says it once.
  const refused = await ada.context.newPage();
  await refused.goto(origin);
  await refused.getByText(`does not let pages of ${origin} in`).waitFor();
  await refused.getByText(`--allowed-origin ${origin}`).waitFor();
  await refused.getByRole("button", { name: "Try now" }).click();
  await until(() => assert.match(server.log, new RegExp(`origin="?${origin}"?`)));
  await refused.close();
  assert.equal(server.log.split("a web page was refused").length, 2, server.log);
  // Nor is a room by its name: it may be there.
  const named = await ada.context.newPage();
  await named.goto(`${origin}/named`);
  await named.getByText(`--allowed-origin ${origin}`).waitFor();
  await named.getByRole("button", { name: "Try now" }).waitFor();
  await look(named);

  // With the flag it chats.
  await server.kill();
  await server.start(["--allowed-origin", origin]);
  const own = await ada.context.newPage();
  await own.goto(origin);
  await own.getByPlaceholder(/^Message /).fill("Hello from a page of my own");
  await own.getByPlaceholder(/^Message /).press("Enter");
  await ada.sees(["Hello from a page of my own"]);
  // The room that was asked for by its name comes by itself.
  await named.getByText("Hello from a page of my own").waitFor();
  await until(async () => assert.deepEqual(await server.history(1), ["Hello from a page of my own"]));
  calm(LOST);
});

const SECRET = "a secret of at least thirty-two bytes";
const LOGIN = readFileSync(new URL("../../examples/widget-login.js", import.meta.url), "utf8");

/** A token of the host for Ada, good for so many seconds. */
function tokenFor(seconds) {
  const now = Math.floor(Date.now() / 1000);
  const [head, claims] = [{ alg: "HS256", typ: "JWT" }, { sub: "user:1", name: "Ada", iat: now, exp: now + seconds }].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return `${head}.${claims}.${createHmac("sha256", SECRET).update(`${head}.${claims}`).digest("base64url")}`;
}

test("a page with a login of its own says who somebody is, and goes on saying it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chat-host-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "secret"), SECRET);
  let html;
  // The server says a minute before its end that a token ends: the first ones are in that minute soon.
  let life = 63;
  const page = createServer(({ url }, answer) => {
    if (url === "/chat-token") return answer.setHeader("content-type", "application/json").end(JSON.stringify({ token: tokenFor(life), user: "user:1" }));
    answer.setHeader("content-type", "text/html").end(html);
  });
  await new Promise((resolve) => page.listen(0, "localhost", resolve));
  after(() => (page.closeAllConnections(), page.close()));
  const origin = `http://localhost:${page.address().port}`;
  const { server, visitor } = await stage(["--allowed-origin", origin, "--jwt-hs256-file", join(folder, "secret"), "--guests"]);
  await server.call("POST", "/rooms?username=Bob", { name: "general" });
  html = `<!doctype html><title>Page</title><script src="http://127.0.0.1:${server.port}/widget.js"></script><chat-room room="1"></chat-room><script>${LOGIN}</script>`;

  const ada = await visitor("Ada");
  const own = await ada.context.newPage();
  const sockets = [];
  const told = [];
  own.on("websocket", (socket) => {
    sockets.push(new URL(socket.url()).search);
    socket.on("framesent", ({ payload }) => told.push(JSON.parse(payload)));
  });
  await own.goto(origin);
  await own.getByPlaceholder(/^Message /).fill("Hello from my own login");
  await own.getByPlaceholder(/^Message /).press("Enter");
  await own.locator(".message.own", { hasText: "Hello from my own login" }).waitFor();
  await until(async () => {
    const { messages } = await server.call("GET", "/rooms/1/messages?username=Bob");
    assert.deepEqual(messages.map(({ user, username, content }) => [user, username, content]), [["user:1", "Ada", "Hello from my own login"]]);
  });

  // No address says it, and a token that is about to end is followed by another over the same socket.
  life = 3600;
  const tokens = () => told.filter(({ type }) => type === "auth").map(({ token }) => token);
  await until(() => assert.ok(tokens().length > 1 && tokens().at(-1) !== tokens()[0], "another token"));
  await server.say(1, "Bob", "Are you still there?");
  await own.getByText("Are you still there?", { exact: true }).waitFor();
  assert.deepEqual(sockets, [""]);
});
