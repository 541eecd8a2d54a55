import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { LOST, stage, until } from "./stage.mjs";

/** Waits until the browser has everything that the page needs without its server. */
const isInstalled = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null || new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", () => resolve(true)))));

test("the page can be installed, and a server that has something else there is rid of it", async () => {
  const { server, visitor, calm } = await stage();
  const ada = await visitor("Ada", { context: { locale: "de-DE" } });
  const { page } = ada;
  await isInstalled(page);
  const { manifest, icons } = await page.evaluate(async () => {
    const address = document.querySelector("link[rel=manifest]").href;
    const manifest = await (await fetch(address)).json();
    return { manifest, icons: await Promise.all(manifest.icons.map(async ({ src }) => (await fetch(new URL(src, address))).ok)) };
  });
  assert.deepEqual([manifest.name, manifest.start_url, manifest.scope, manifest.display], ["Chat", "./", "./", "standalone"]);
  assert.deepEqual(icons, [true, true, true, true]);

  // Neither the API nor the documentation are kept.
  await page.evaluate(async () => Promise.all(["api/chat/rooms", "docs", "widget.js"].map((each) => fetch(each))));
  const kept = await page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat());
  assert.ok(kept.includes("/") && kept.includes("/app.js") && kept.includes("/texts-de.json"), kept);
  assert.ok(!kept.some((path) => /api|docs|widget/.test(path)), kept);

  await server.kill();
  await page.reload();
  await page.getByRole("heading", { name: "Komm herein" }).waitFor();

  // The page of another version is shown as it is, and the worker stays. Another site in its place is shown, and what was kept is gone.
  let about = '<meta name="chat-version" content="0123456789abcdef"><h1>Another version</h1>';
  const shop = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(`<!doctype html><title>Page</title>${about}`));
  await new Promise((resolve) => shop.listen(server.port, "127.0.0.1", resolve));
  await page.reload();
  await page.getByRole("heading", { name: "Another version" }).waitFor();
  assert.equal((await page.evaluate(() => caches.keys())).length, 1);
  about = "<h1>A shop</h1>";
  await page.reload();
  await page.getByRole("heading", { name: "A shop" }).waitFor();
  await until(async () => assert.deepEqual(await page.evaluate(() => caches.keys()), []));
  await page.reload();
  assert.equal(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0);
  shop.closeAllConnections();
  await new Promise((resolve) => shop.close(resolve));
  await server.start();
  calm(LOST);
});

test("below a prefix, the page has a worker for its own folder", async () => {
  const { server, visitor } = await stage();
  const host = createServer(async (question, answer) => {
    if (!question.url.startsWith("/team/")) return answer.setHeader("content-type", "text/html").end("<h1>Of the host</h1>");
    const { status, headers, body } = await fetch(`http://127.0.0.1:${server.port}${question.url.slice("/team".length)}`);
    answer.writeHead(status, { "content-type": headers.get("content-type"), "content-security-policy": headers.get("content-security-policy") });
    answer.end(Buffer.from(await new Response(body).arrayBuffer()));
  });
  await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
  const { context } = await visitor("Ada");
  const page = await context.newPage();
  const home = `http://127.0.0.1:${host.address().port}`;
  await page.goto(`${home}/team/`);
  await isInstalled(page);
  assert.deepEqual(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname)), ["/team/"]);
  host.closeAllConnections();
  await new Promise((resolve) => host.close(resolve));
  await page.reload();
  await page.getByRole("heading", { name: "Come on in" }).waitFor();
  await assert.rejects(page.goto(home), /ERR_CONNECTION_REFUSED/);
});

/** What the browser keeps of rooms. */
const keptTexts = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.open("chat /", 1);
        request.onsuccess = () => {
          const database = request.result;
          const all = database.transaction("texts").objectStore("texts").getAll();
          all.onsuccess = () => (database.close(), resolve(all.result.join("\n")));
        };
      }),
  );

/** Waits until the browser has kept these texts. */
const keeps = (page, texts) =>
  until(async () => {
    const kept = await keptTexts(page);
    for (const each of texts) assert.ok(kept.includes(each), each);
  });

test("where the network hangs, the last rooms and messages are there soon, and the newest once it answers", async () => {
  const { server, person, openWire, calm } = await stage();
  const wire = await openWire();
  const [general, other] = [await server.room("general"), await server.room("other")];
  const ada = await person("Ada", { room: general, port: wire.port });
  const { page } = ada;
  await ada.say("Before");
  await ada.sees(["Before"]);
  await isInstalled(page);
  await keeps(page, ["Before", '"name":"other"']);
  wire.deafen();
  await server.say(general, "Bob", "After");
  await server.call("DELETE", `/rooms/${other}`);

  const start = Date.now();
  await page.reload();
  await ada.sees(["Before"]);
  await page.getByRole("link", { name: /^other/ }).waitFor();
  // Without an answer, a request is given up after 15 seconds.
  assert.ok(Date.now() - start < 12_000, `${Date.now() - start} ms`);

  wire.cut();
  wire.mend();
  await ada.sees(["Before", "After"]);
  await page.getByRole("link", { name: /^other/ }).waitFor({ state: "detached" });
  calm(LOST);
});

test("the last rooms and messages are read offline, and are gone at log-out", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const [ada, bob] = [await account("Ada"), await account("Bob")];
  const { page } = ada;
  const { id: general } = await ada.call("POST", "/rooms", { name: "general" });
  const { id: secret } = await ada.call("POST", "/rooms", { name: "secret", kind: "private" });
  await ada.go(secret);
  await ada.say("For nobody else");
  await ada.sees(["For nobody else"]);
  await ada.go(general);
  await bob.go(general);
  await bob.say("Hello, Ada");
  await ada.sees(["Hello, Ada"]);
  await isInstalled(page);
  await keeps(page, ["For nobody else", "Hello, Ada", '"name":"secret"']);

  await ada.context.setOffline(true);
  await page.reload();
  await ada.sees(["Hello, Ada"]);
  await page.locator(".connection").getByText("You are offline.").waitFor();
  await page.getByRole("link", { name: /secret/ }).click();
  await ada.sees(["For nobody else"]);
  await page.getByRole("link", { name: /general/ }).click();
  await ada.say("From the tunnel");
  await page.locator(".sending").waitFor();
  await bob.say("Are you there?");

  await ada.context.setOffline(false);
  const all = ["Hello, Ada", "Are you there?", "From the tunnel"];
  for (const one of [ada, bob]) await one.sees(all);

  await page.getByRole("button", { name: "Ada Connected" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await until(async () => assert.equal(await keptTexts(page), ""));
  calm(LOST);
});
