import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

/** Keeps what would be shown outside of the page; nobody has been asked yet. */
function notifications() {
  window.told = [];
  window.seen = "visible";
  // Counts the notes that would be heard.
  window.notes = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) {
    window.notes += 1;
    return start.call(this, at);
  };
  Object.defineProperty(document, "visibilityState", { get: () => window.seen });
  window.Notification = class {
    static permission = "default";
    static async requestPermission() {
      return (this.permission = "granted");
    }
    constructor(title, { body }) {
      window.told.push([title.replace(/[\u2068\u2069]/g, ""), body]);
      window.last = this;
    }
    close() {}
  };
}

/** Waits for what tells, which is loaded with the windows, a moment after the room is there. */
async function isLoaded(page) {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
}

test("what comes while nobody looks is told", async () => {
  const { account, calm } = await stage(["--accounts"]);
  // Without a worker, the page shows the notes itself.
  const [ada, bob] = [await account("Ada", { context: { reducedMotion: "reduce", serviceWorkers: "block" } }), await account("Bob")];
  const { page } = ada;
  const { id: general } = await ada.call("POST", "/rooms", { name: "general" });
  const { id: other } = await ada.call("POST", "/rooms", { name: "other" });
  const { id: foreign } = await bob.call("POST", "/rooms", { name: "foreign" });
  await page.addInitScript(notifications);
  await page.goto(`${ada.home}/#/rooms/${general}`);
  await page.reload();
  await bob.go(general);
  await ada.seesPeople(2);
  await isLoaded(page);
  const told = () => page.evaluate(() => window.told);
  const notes = () => page.evaluate(() => window.notes);
  const hide = (seen) => page.evaluate((seen) => void (window.seen = seen), seen);
  const mention = (content) => bob.call("POST", `/rooms/${general}/messages`, { content, mentions: [ada.user] });
  const choose = async (label) => {
    await page.getByRole("button", { name: "About this room" }).click();
    await page.getByLabel("Tell me of").selectOption({ label });
    await until(async () => assert.ok((await ada.call("GET", "/me/rooms")).rooms.some(({ id, notify }) => id === general && notify === { Everything: "all", "Mentions of me": "mentions", Nothing: "none" }[label])));
    await page.keyboard.press("Escape");
  };

  // Nobody is asked before there was something, nor told of what is seen.
  await ada.say("Hello");
  await bob.sees(["Hello"]);
  await bob.say("Hello, Ada");
  await ada.sees(["Hello", "Hello, Ada"]);
  assert.equal(await page.getByText("Something came while you were away.").count(), 0);
  await hide("hidden");
  await bob.say("Are you there?");
  await page.getByText("Something came while you were away.").waitFor();
  await look(page);
  assert.deepEqual(await told(), []);
  assert.equal(await notes(), 0);
  await page.getByLabel("With a short tone").check();
  await page.getByRole("button", { name: "Turn on" }).click();
  await bob.say("Hey!");
  await until(async () => assert.deepEqual(await told(), [["Bob in general", "Hey!"]]));
  await until(async () => assert.equal(await notes(), 2, "one tone of two notes"));

  // Who has it turned on, turns it off in the settings.
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog").getByLabel("A short tone").uncheck();
  const outside = page.getByRole("dialog").getByLabel("Outside of the page");
  await outside.uncheck();
  await bob.say("Not told");
  await until(async () => assert.equal((await ada.texts()).at(-1), "Not told"));
  assert.equal((await told()).length, 1);
  await outside.check();
  await page.keyboard.press("Escape");

  // So is an answer in a thread that one began.
  await bob.call("POST", `/rooms/${general}/messages`, { content: "In your thread", thread: (await ada.call("GET", `/rooms/${general}/messages`)).messages[0].seq });
  await until(async () => assert.deepEqual((await told()).splice(1), [["A new answer in a thread in general", ""]]));
  await page.evaluate(() => window.last.onclick());
  await page.locator("aside.thread .row.marked", { hasText: "In your thread" }).waitFor();
  await page.evaluate(() => void window.told.pop());
  await hide("hidden");
  await bob.say("Hey again!");
  await until(async () => assert.equal((await told()).length, 2));
  await page.evaluate(() => void window.told.pop());

  // The note leads to the message.
  await page.evaluate(() => void (location.hash = "#/"));
  await page.evaluate(() => window.last.onclick());
  await page.waitForURL(/#\/rooms\/1\/\d+$/);
  await ada.seesPeople(2);

  // Only mentions, and then nothing: the setting is the room's. A later mention tells that the former ones were handled.
  await choose("Mentions of me");
  await hide("hidden");
  await bob.say("Not for you alone");
  await mention("For you");
  await until(async () => assert.equal((await told()).length, 2));
  assert.deepEqual((await told())[1], ["Bob mentioned you in general", ""]);
  await choose("Nothing");
  // The list shows which rooms are muted. Alt and an arrow on a choice opens it, and leaves the room behind the window alone.
  await page.getByRole("link", { name: /^general.*Muted/ }).waitFor();
  await page.getByRole("button", { name: "About this room" }).click();
  await page.getByLabel("Tell me of").dispatchEvent("keydown", { key: "ArrowDown", altKey: true });
  assert.equal(new URL(page.url()).hash.startsWith(`#/rooms/${general}`), true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await mention("For nobody");
  await choose("Mentions of me");
  await mention("For you again");
  await until(async () => assert.equal((await told()).length, 3));
  assert.equal(await notes(), 2);

  // What mentions everyone counts as a mention.
  const moderates = (room) => ada.call("PUT", `/rooms/${room}/members/${bob.user}`, { role: "moderator" });
  const writes = (room, content, more) => bob.call("POST", `/rooms/${room}/messages`, { content, ...more });
  await moderates(general);
  await writes(general, "For all", { mentions_room: true });
  await until(async () => assert.deepEqual((await told()).slice(3), [["Bob in general", "For all"]]));

  // A room that is not open is told of, too: one's own rooms, and rooms of two, but no room of others.
  const { id: direct } = await bob.call("POST", "/direct", { user: ada.user, username: "Ada" });
  await page.getByRole("link", { name: /^Bob/ }).waitFor();
  await moderates(other);
  await writes(foreign, "Among others");
  await writes(other, "Elsewhere");
  await until(async () => assert.deepEqual((await told()).slice(4), [["Bob in other", "Elsewhere"]]));
  await writes(direct, "Between us");
  await until(async () => assert.deepEqual((await told()).slice(5), [["Bob", "Between us"]]));
  await ada.call("PUT", `/rooms/${other}/notify`, { notify: "mentions" });
  await page.reload();
  await ada.seesPeople(2);
  await isLoaded(page);
  await page.evaluate(() => void ([window.seen, Notification.permission] = ["hidden", "granted"]));
  await writes(other, "Not for you");
  await page.getByRole("link", { name: /^other.*1 unread message/s }).or(page.getByRole("link", { name: /^other.*2 unread messages/s })).waitFor();
  await writes(other, "For everyone there", { mentions_room: true });
  await until(async () => assert.deepEqual(await told(), [["Bob in other", "For everyone there"]]));

  // Where the browser allows none, the settings say so.
  await page.evaluate(() => void (Notification.permission = "denied"));
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByText("This browser blocks notifications").waitFor();
  assert.equal(await outside.isDisabled(), true);
  await look(page);
  calm();
});

/** As on Android: a page may show no note by itself. */
function asOnAndroid() {
  window.seen = "visible";
  Object.defineProperty(document, "visibilityState", { get: () => window.seen });
  window.Notification = class {
    static permission = "granted";
    constructor() {
      throw new TypeError("Failed to construct 'Notification': Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.");
    }
  };
}

test("the worker tells it, and leads to the message", async () => {
  const { account, calm } = await stage(["--accounts"]);
  const [ada, bob] = [await account("Ada", { context: { reducedMotion: "reduce", permissions: ["notifications"] } }), await account("Bob")];
  const { page, context } = ada;
  const { id: general } = await ada.call("POST", "/rooms", { name: "general" });
  await page.addInitScript(asOnAndroid);
  await page.goto(`${ada.home}/#/rooms/${general}`);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await bob.go(general);
  await ada.seesPeople(2);
  const notes = () => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag }) => [title.replace(/[\u2068\u2069]/g, ""), body, tag]));
  // As the browser does it after a click.
  const [worker] = context.serviceWorkers();
  const click = () =>
    worker.evaluate(async () => {
      const [notification] = await self.registration.getNotifications();
      self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
    });

  await isLoaded(page);

  // The later of two notes of a room takes the place of the earlier.
  await page.evaluate(() => void (window.seen = "hidden"));
  await bob.say("Are you there?");
  await until(async () => assert.deepEqual(await notes(), [["Bob in general", "Are you there?", `chat ${general}`]]));
  await bob.say("Hey!");
  await until(async () => assert.deepEqual(await notes(), [["Bob in general", "Hey!", `chat ${general}`]]));

  // A click leads to it in the page that is open, and the note is gone.
  await page.evaluate(() => void (location.hash = "#/"));
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await click();
  await page.waitForURL(`**/#/rooms/${general}/2`);
  await page.locator(".row.marked", { hasText: "Hey!" }).waitFor();
  await until(async () => assert.deepEqual(await notes(), []));
  calm();
});
