// The README's snippet, as it stands there, on a page of another origin; and what a person sees without the flag beside it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const SNIPPET = /```html\n(.*?)```/s.exec(README)[1];

test("a room on a page of one's own", async () => {
  const page = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(`<!doctype html><title>Page</title><body>${snippet}`));
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

  // With the flag it chats.
  await server.kill();
  await server.start(["--allowed-origin", origin]);
  const own = await ada.context.newPage();
  await own.goto(origin);
  await own.getByPlaceholder(/^Message /).fill("Hello from a page of my own");
  await own.getByPlaceholder(/^Message /).press("Enter");
  await ada.sees(["Hello from a page of my own"]);
  await until(async () => assert.deepEqual(await server.history(1), ["Hello from a page of my own"]));
  calm(LOST);
});
