// What every scenario stands on: a server, a wire to it that can be cut, and people with pages.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const tool = createRequire(join(process.env.CHAT_TEST_BROWSER, "package.json"));
const { chromium } = tool("playwright-core");
const axe = tool("axe-core");

/** How long anything that is to happen may take on a busy machine. Never waited for when it happens. */
const DEADLINE_MS = 45_000;

/** The server as a process, with a database of its own; killed and started again at one port. */
export class Server {
  #folder = mkdtempSync(join(tmpdir(), "chat-browser-"));
  #process = null;
  port = 0;
  /** What it has logged, warnings and worse. */
  log = "";

  async start(more = []) {
    const address = `127.0.0.1:${this.port}`;
    const database = `sqlite://${this.#folder}/chat.db?mode=rwc`;
    const options = ["--database-url", database, "--listen", address, ...more];
    this.#process = spawn(process.env.CHATD, options, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, RUST_LOG: "warn" } });
    this.#process.stderr.on("data", (piece) => (this.log += piece));
    this.port = await where(this.#process);
  }

  /** Without a word, as a lost machine would end. */
  async kill() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  async end() {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Calls the REST API. */
  async call(method, path, body) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/chat${path}`, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.status === 204 ? null : answer.json();
  }

  async room(name, topic = "") {
    return (await this.call("POST", "/rooms", { name, topic })).id;
  }

  say(room, user, content) {
    return this.call("POST", `/rooms/${room}/messages?username=${encodeURIComponent(user)}`, { content });
  }

  /** The texts that are stored, oldest first. */
  async history(room) {
    return (await this.call("GET", `/rooms/${room}/messages?limit=100`)).messages.map(({ content }) => content);
  }
}

/** Where a server says that it listens. */
function where(server) {
  let told = "";
  return new Promise((resolve, reject) => {
    const listen = (piece) => {
      told += piece;
      const found = /on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(told);
      if (found) resolve(Number(found[1]));
    };
    server.stdout.on("data", listen);
    server.stderr.on("data", listen);
    server.once("exit", () => reject(new Error(`the server ended:\n${told}`)));
  });
}

/** A wire to the server that can lose what is on it, and be cut. */
class Wire {
  #sockets = new Set();
  #isCut = false;
  #isDeaf = false;
  #listener;
  port = 0;

  constructor(server) {
    this.#listener = createServer((near) => {
      if (this.#isCut) return near.destroy();
      const far = connect(server.port, "127.0.0.1");
      near.on("data", (bytes) => far.write(bytes));
      far.on("data", (bytes) => this.#isDeaf || near.write(bytes));
      for (const [one, other] of [[near, far], [far, near]]) {
        this.#sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => (this.#sockets.delete(one), other.destroy()));
      }
    });
  }

  open() {
    return new Promise((resolve) => {
      this.#listener.listen(0, "127.0.0.1", () => {
        this.port = this.#listener.address().port;
        resolve();
      });
    });
  }

  /** What the server says is lost from now on; what is said to it arrives. */
  deafen() {
    this.#isDeaf = true;
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#isCut = this.#isDeaf = false;
  }

  close() {
    this.cut();
    this.#listener.close();
  }
}

/** Sets up a server, with these further options, and a browser, which are gone when the scenario is over. */
export async function stage(more = []) {
  const server = new Server();
  await server.start(more);
  const args = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
  const browser = await chromium.launch({ executablePath: process.env.CHAT_TEST_CHROMIUM, headless: true, chromiumSandbox: false, args: args.split(" ") });
  const people = [];
  after(async () => {
    await browser.close();
    await server.end();
  });
  const visitor = async (name, options = {}) => {
    // A worker would answer with the texts that the server has.
    const person = new Person(name, await browser.newContext({ ...options.context, ...(options.texts && { serviceWorkers: "block" }) }));
    if (options.texts) await person.context.route(`**/texts-${options.texts.language}.json?*`, (route) => (options.texts.table ? route.fulfill({ json: options.texts.table }) : route.abort()));
    person.home = `http://127.0.0.1:${server.port}`;
    person.page = await person.open();
    people.push(person);
    return person;
  };
  return {
    server,
    /** A wire to the server, which is gone when the scenario is over. */
    async openWire() {
      const wire = new Wire(server);
      await wire.open();
      after(() => wire.close());
      return wire;
    },
    /** Someone with a browser of their own, at the first page. `texts` are another table of a language; null: it cannot be loaded. */
    visitor,
    /** Someone with a browser of their own, who has chosen a name. */
    async person(name, options = {}) {
      const person = new Person(name, await browser.newContext(options.context));
      await person.enter(options.port ?? server.port, options.room);
      people.push(person);
      return person;
    },
    /** Someone with a browser and an account of their own, logged in. */
    async account(name, options = {}) {
      const person = await visitor(name, options);
      await person.register();
      return person;
    },
    /** Nothing went wrong that nobody saw. `expected` matches what a lost connection writes to the console. */
    calm(expected = /^$/) {
      for (const person of people) assert.deepEqual(person.complaints.filter((each) => !expected.test(each)), [], person.name);
    },
  };
}

/** What the browser itself says about connections that are lost. */
export const LOST = /WebSocket connection to|Failed to load resource: net::/;

/** What the browser's remote control says where it lets no worker in. */
const NO_WORKER = /^Service Worker registration blocked by Playwright$/;

/** Somebody at a page. */
export class Person {
  complaints = [];

  constructor(name, context) {
    this.name = name;
    this.context = context;
  }

  /** Opens the page for the first time, and tells it the name. */
  async enter(port, room) {
    this.home = `http://127.0.0.1:${port}`;
    this.page = await this.open();
    await this.page.getByLabel("Your name").fill(this.name);
    await this.page.getByRole("button", { name: "Enter" }).click();
    await this.page.getByRole("heading", { name: `Hello, ${this.name}` }).or(this.page.getByRole("heading", { name: "Rooms" })).first().waitFor();
    if (room !== undefined) await this.go(room);
  }

  /** Makes an account at the first page, whose texts are these. */
  async register(text = (key) => ({ makeAccount: "Make an account", register: "Register" })[key]) {
    await this.page.getByRole("button", { name: text("makeAccount") }).click();
    await this.page.locator("#account-name").fill(this.name);
    await this.page.locator("#account-password").fill("correct horse battery");
    await this.page.getByRole("button", { name: text("register") }).click();
    await this.page.locator(".me").waitFor();
    this.user = (await this.call("GET", "/me")).user;
  }

  /** Calls the REST API as this person, who has an account. */
  async call(method, path, body) {
    const ask = async ([method, path, body]) => {
      const answer = await fetch(`/api/chat${path}`, { method, headers: body && { "content-type": "application/json" }, body: body && JSON.stringify(body) });
      return [answer.status, answer.ok, await answer.json().catch(() => null)];
    };
    const [status, isOk, answer] = await this.page.evaluate(ask, [method, path, body]);
    assert.ok(isOk, `${method} ${path}: ${status}`);
    return answer;
  }

  /** A page, with an ear for everything that goes wrong in it. */
  async open(path = "/") {
    const page = await this.context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && !NO_WORKER.test(message.text()) && this.complaints.push(`${message.text()} ${message.location().url}`));
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.stack}`));
    page.on("dialog", (dialog) => {
      // Whoever leaves while something is not sent is asked, and leaves.
      if (dialog.type() === "beforeunload") return dialog.accept();
      this.complaints.push(`dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== this.home && url.protocol !== "data:") this.complaints.push(`asked elsewhere: ${url}`);
    });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`violates ${event.violatedDirective}: ${event.blockedURI}`));
    });
    await page.goto(this.home + path);
    return page;
  }

  /** Goes to a room, and waits until it is attached there. */
  async go(room, page = this.page) {
    await page.evaluate((id) => void (location.hash = `#/rooms/${id}`), room);
    // The room before has people, too.
    await page.locator(`.room-list a[href="#/rooms/${room}"][aria-current]`).waitFor({ state: "attached" });
    await page.getByRole("button", { name: /here$/ }).waitFor();
  }

  /** Makes a room by the page's form, and is in it then. */
  async makes(room, page = this.page) {
    await page.getByRole("button", { name: "New room" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill(room);
    await page.getByRole("button", { name: "Create room" }).click();
  }

  field(page = this.page) {
    return page.getByPlaceholder(/^Message /);
  }

  /** Writes and sends. */
  async say(text, page = this.page) {
    await this.field(page).fill(text);
    await this.field(page).press("Enter");
  }

  /** The texts on the page, from top to bottom. */
  texts(page = this.page) {
    return page.locator(".row .bubble .text").allTextContents();
  }

  /** Waits until the page shows these messages, each once, in this order, and nothing is on its way. */
  async sees(texts, page = this.page) {
    await until(
      async () => {
        const [seen, unsettled] = [await this.texts(page), await page.locator(".sending, .not-sent").count()];
        assert.deepEqual(seen, texts, `${this.name} sees`);
        assert.equal(unsettled, 0, `${this.name} has messages on their way`);
      },
    );
  }

  /** Waits until so many people are in the room. */
  async seesPeople(count, page = this.page) {
    await page.getByRole("button", { name: count === 1 ? "1 person here" : `${count} people here` }).waitFor();
  }
}

/** Waits until something holds: a check that no longer throws. */
export async function until(check) {
  for (const end = Date.now() + DEADLINE_MS; ; ) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** What axe finds on the page. What is still appearing has the contrast of neither its beginning nor its end: it waits until nothing moves. */
export async function violations(page) {
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
  await page.evaluate(axe.source);
  return (await page.evaluate(() => globalThis.axe.run())).violations;
}

/** Has axe look at the page, light and dark: it finds nothing. */
export async function look(page) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual((await violations(page)).map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]), [], colorScheme);
  }
}

/** What can be touched on the page, and is too small for a finger: less than 44 px. A link within a text is as high as its line. */
function smallTargets() {
  const within = (root) => [...root.querySelectorAll("*")].flatMap((each) => (each.shadowRoot ? [each, ...within(each.shadowRoot)] : [each]));
  const isShown = (each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && getComputedStyle(each).pointerEvents !== "none" && each.closest(".sr-only, .skip, [inert]") === null;
  /** What stands around a target can be a part of it: the label of a box, what lies over a small sign. */
  const sizes = (each) => {
    const { width, height } = (each.matches("input[type=radio], input[type=checkbox]") ? each.closest("label") : each).getBoundingClientRect();
    const over = getComputedStyle(each, "::after");
    const [wide, high] = over.position === "absolute" ? [parseFloat(over.width), parseFloat(over.height)] : [0, 0];
    return [Math.max(width, wide || 0), Math.max(height, high || 0)];
  };
  return within(document)
    .filter((each) => each.matches("a[href], button, input, select, textarea, summary, [role=option]") && !each.matches(".text a, p a") && isShown(each))
    .map((each) => [each.outerHTML.slice(0, 120), ...sizes(each).map((size) => Math.round(size * 10) / 10)])
    .filter(([, width, height]) => Math.min(width, height) < 44);
}

/** All that can be touched is large enough for a finger. */
export async function touch(page, where) {
  assert.deepEqual(await page.evaluate(smallTargets), [], where);
}
