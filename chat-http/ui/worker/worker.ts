/**
 * The service worker, for the page's own files and notes alone: with it, the page can be installed, opens while the server
 * cannot be reached, and tells what comes outside of it where pages may not do that themselves. The page is asked of the server first. Its files have their version in their addresses, so that a page never
 * gets the files of another one, and so does this script: the build writes both.
 */
import { hashOf, pageFor } from "./notes.ts";
import { cachesOf, kindOf, outdated, verdictOn, type Shell } from "./shell.ts";

declare const self: ServiceWorkerGlobalScope;
declare const SHELL: Shell;

/** A server that has not answered by then counts as away. */
const PATIENCE_MS = 2_000;

const folder = new URL("./", self.location.href);
const cacheName = cachesOf(folder) + SHELL.version;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(tidy()));
self.addEventListener("fetch", (event) => {
  const kind = kindOf(event.request, folder);
  if (kind === "page") event.respondWith(page(event));
  if (kind === "file") event.respondWith(file(event.request));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(hashOf(event.notification.data)));
});

/** Fetches all files. What is not as it was built, as while servers of two versions answer, makes the browser try later. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  const store = async ([name, integrity]: [string, string]): Promise<void> => cache.put(new URL(name, folder), await fetched(new Request(new URL(name, folder), { integrity, cache: "no-cache" })));
  try {
    await Promise.all([...Object.entries(SHELL.files).map(store), storePage(cache)]);
  } catch (error) {
    await caches.delete(cacheName);
    throw error;
  }
  await self.skipWaiting();
}

async function storePage(cache: Cache): Promise<void> {
  const answer = await fetched(new Request(folder, { cache: "no-cache" }));
  const verdict = verdictOn({ status: answer.status, ok: answer.ok, text: await answer.clone().text() }, SHELL.version);
  if (verdict !== "keep" || answer.redirected) throw new TypeError(verdict);
  await cache.put(folder, answer);
}

async function fetched(request: Request): Promise<Response> {
  const answer = await fetch(request);
  if (!answer.ok) throw new TypeError(String(answer.status));
  return answer;
}

async function tidy(): Promise<void> {
  for (const name of outdated(await caches.keys(), folder, SHELL.version)) await caches.delete(name);
  await self.clients.claim();
}

/** The page: the server's, or the one that was kept, if the server is away or takes too long. */
async function page(event: FetchEvent): Promise<Response> {
  const asked = fromServer(event.request);
  // What comes too late is still taken note of.
  event.waitUntil(asked.catch(() => {}));
  const kept = await caches.match(folder, { cacheName, ignoreVary: true });
  if (!kept) return (await asked) ?? Response.error();
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
  return (await Promise.race([asked.catch(() => null), late])) ?? kept;
}

/** What the server says, if that is to be shown. */
async function fromServer(request: Request): Promise<Response | null> {
  const answer = await fetch(request);
  // A redirection is for the browser to follow.
  if (answer.type === "opaqueredirect") return answer;
  const verdict = verdictOn({ status: answer.status, ok: answer.ok, text: await answer.clone().text() }, SHELL.version);
  if (verdict === "keep") await (await caches.open(cacheName)).put(folder, answer.clone());
  if (verdict === "leave") await leave();
  return verdict === "away" && (await caches.has(cacheName)) ? null : answer;
}

/** The page is gone from here, and so is what was kept of it. */
async function leave(): Promise<void> {
  await self.registration.unregister();
  for (const name of await caches.keys()) if (name.startsWith(cachesOf(folder))) await caches.delete(name);
}

/** A file of this version, or of the one before. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}

/** Leads to a place in the page that is open, or in a new one. */
async function lead(hash: string): Promise<void> {
  const page = pageFor(await self.clients.matchAll({ type: "window", includeUncontrolled: true }), folder);
  if (!page) return void (await self.clients.openWindow(new URL(hash, folder)));
  page.postMessage({ hash });
  // A browser may not let it come to the front; the place is shown there all the same.
  await page.focus().catch(() => {});
}
