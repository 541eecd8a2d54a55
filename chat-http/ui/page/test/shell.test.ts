/** What the service worker answers, and what it leaves alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cachesOf, kindOf, outdated, verdictOn, versionIn } from "../../worker/shell.ts";

const ROOT = new URL("https://chat.example/");
const BELOW = new URL("https://chat.example/team/");
const V = "?v=0123456789abcdef";
const asked = (url: string, mode = "cors", method = "GET") => ({ url: new URL(url, ROOT).href, mode, method });

test("the page and the files of its version are answered, at the root and below a prefix", () => {
  assert.equal(kindOf(asked("/", "navigate"), ROOT), "page");
  assert.equal(kindOf(asked("/?from=home", "navigate"), ROOT), "page");
  assert.equal(kindOf(asked("/team/", "navigate"), BELOW), "page");
  for (const name of ["app.js", "app.css", "texts-de.json", "first.js"]) {
    assert.equal(kindOf(asked(`/${name}${V}`), ROOT), "file", name);
    assert.equal(kindOf(asked(`/team/${name}${V}`), BELOW), "file", name);
  }
});

test("everything else goes its way", () => {
  for (const path of ["/api/chat/rooms", `/api/chat/rooms${V}`, `/api/app.js${V}`, "/ws/chat", "/docs", "/app.js", "/app.js?v=1", "/widget.js", "/sw.js", "/healthz", `/a/b.js${V}`, `https://elsewhere.example/app.js${V}`]) {
    assert.equal(kindOf(asked(path), ROOT), null, path);
  }
  for (const path of ["/docs", "/docs/", "/shop", "/api/chat/rooms", `/app.js${V}`]) assert.equal(kindOf(asked(path, "navigate"), ROOT), null, path);
  for (const path of ["/", "/teams/", "/team"]) assert.equal(kindOf(asked(path, "navigate"), BELOW), null, path);
  assert.equal(kindOf(asked("/", "navigate", "POST"), ROOT), null);
  assert.equal(kindOf(asked(`/app.js${V}`, "cors", "HEAD"), ROOT), null);
});

test("the page of this version is kept, another one is shown, and something else makes the worker go", () => {
  const page = (version: string) => `<!doctype html><meta name="chat-version" content="${version}">`;
  const [own, other] = ["0123456789abcdef", "fedcba9876543210"];
  const verdict = (status: number, text: string) => verdictOn({ status, ok: status < 300, text }, own);
  assert.equal(verdict(200, page(own)), "keep");
  assert.equal(verdict(200, page(other)), "show");
  assert.equal(verdict(200, "<h1>A shop</h1>"), "leave");
  assert.equal(verdict(404, ""), "leave");
  assert.equal(verdict(410, ""), "leave");
  assert.equal(verdict(401, "Who are you?"), "show");
  assert.equal(verdict(503, page(own)), "away");
  assert.equal(verdict(502, ""), "away");
  assert.equal(versionIn(page("")), null);
});

test("the newest version and the one before it stay", () => {
  const name = (version: string) => cachesOf(ROOT) + version;
  const names = [name("a"), "of the host", cachesOf(BELOW) + "x", name("b"), name("c")];
  assert.deepEqual(outdated(names, ROOT, "c"), [name("a")]);
  assert.deepEqual(outdated([name("a")], ROOT, "a"), []);
  assert.deepEqual(outdated(names, BELOW, "x"), []);
});
