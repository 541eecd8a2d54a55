/** The client against a real server; CHATD_BIN names the binary. */

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import {
  ChatApi,
  ChatClient,
  ChatError,
  isMessage,
  Timeline,
  uuidv7,
  UnreadCounter,
  type Done,
  type MessageState,
  type Notice,
  type RoomEvent,
} from "../src/index.ts";
import { seeded } from "./fake-clock.ts";

const BINARY = process.env["CHATD_BIN"];
const skip = BINARY === undefined ? "CHATD_BIN names no binary" : false;
const TIMEOUT_MS = 30_000;

/** Waits until the condition holds, looking again whenever something was told. */
class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const look of [...this.#waiting]) look();
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`waited in vain: ${what}`));
      }, TIMEOUT_MS);
      this.#waiting.add(look);
      look();
    });
  }
}

/** A chatd process with a database of its own, killed and started again at will on the same port. */
class Chatd {
  readonly folder = mkdtempSync(join(tmpdir(), "chatd-client-"));
  port = 0;
  #process: ChildProcess | null = null;

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.port ||= await freePort();
    const database = `sqlite://${this.folder}/chat.db?mode=rwc`;
    const args = ["--database-url", database, "--listen", `127.0.0.1:${this.port}`];
    this.#process = spawn(BINARY!, args, { stdio: "ignore" });
    for (const end = Date.now() + TIMEOUT_MS; Date.now() < end; await pause(20)) {
      const answer = await fetch(`${this.origin}/readyz`).catch(() => null);
      if (answer?.ok === true) return;
    }
    throw new Error("the server does not start");
  }

  async kill(): Promise<void> {
    const process = this.#process;
    if (process === null || process.exitCode !== null) return;
    const gone = new Promise((resolve) => process.once("exit", resolve));
    process.kill("SIGKILL");
    await gone;
  }

  async room(): Promise<number> {
    const answer = await fetch(`${this.origin}/api/chat/rooms`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: `room ${uuidv7()}` }),
    });
    assert.equal(answer.status, 201);
    return ((await answer.json()) as { id: number }).id;
  }

  /** The contents of the room's messages, oldest first (at most a hundred). */
  async history(room: number): Promise<string[]> {
    const answer = await fetch(`${this.origin}/api/chat/rooms/${room}/messages?limit=100&username=Reader`);
    const { messages } = (await answer.json()) as { messages: { content: string }[] };
    return messages.map((message) => message.content);
  }
}

/** Passes bytes on, and can cut everything that is open. */
class Proxy {
  readonly #open = new Set<Socket>();
  readonly #server: Server;

  constructor(port: () => number) {
    this.#server = createServer((near) => {
      const far = connect(port(), "127.0.0.1");
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.#open.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#open.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return portOf(this.#server);
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const chatd = new Chatd();
const clients: ChatClient[] = [];

before(async () => {
  if (!skip) await chatd.start();
});
after(async () => {
  for (const client of clients) client.stop();
  await chatd.kill();
  rmSync(chatd.folder, { recursive: true, force: true });
});

function enter(username: string, port = chatd.port): ChatClient {
  const url = `ws://127.0.0.1:${port}/ws/chat?username=${username}`;
  const client = new ChatClient({ url, WebSocket });
  clients.push(client);
  client.start();
  return client;
}

/** Follows a room and demands that its events come without a hole, a repeat or a step back. */
function follow(client: ChatClient, room: number) {
  const bell = new Bell();
  const events: RoomEvent[] = [];
  const state = { attached: 0, resyncs: 0, ended: undefined as ChatError | null | undefined };
  const online: string[][] = [];
  const typing: string[][] = [];
  let last = -1;
  const wrong: string[] = [];
  const attachment = client.attach(room, {
    attached(head) {
      if (last < 0) last = head.seq;
      state.attached += 1;
      bell.ring();
    },
    resync() {
      state.resyncs += 1;
      bell.ring();
    },
    event(event) {
      if (event.seq !== last + 1) wrong.push(`${event.seq} after ${last}`);
      last = event.seq;
      events.push(event);
      bell.ring();
    },
    presence(list) {
      online.push(list.users);
      bell.ring();
    },
    typing(identities) {
      typing.push(identities.map((identity) => identity.username));
      bell.ring();
    },
    ended(error) {
      state.ended = error;
      bell.ring();
    },
  });
  const contents = (): string[] => events.flatMap((event) => (isMessage(event) ? event.content : []));
  return { bell, events, state, online, typing, wrong, attachment, contents };
}

test("two users talk, and see each other's presence and typing", { skip }, async () => {
  const room = await chatd.room();
  const alice = enter("Alice");
  const bob = enter("Bob");
  const atAlice = follow(alice, room);
  const atBob = follow(bob, room);
  await atAlice.bell.until("both are shown", () => atAlice.online.at(-1)?.join() === "Alice,Bob");
  await atBob.bell.until("Bob is attached", () => atBob.state.attached === 1);

  alice.typing(room, true);
  await atBob.bell.until("Alice types", () => atBob.typing.at(-1)?.join() === "Alice");
  const key = uuidv7();
  const sent = await alice.send(room, "Hello!", { key });
  assert.deepEqual([sent.key, sent.replayed], [key, false]);
  await atBob.bell.until("the message", () => atBob.events.length === 1);
  const [event] = atBob.events;
  assert.ok(event !== undefined && isMessage(event));
  assert.deepEqual([event.seq, event.username, event.content, event.key], [sent.seq, "Alice", "Hello!", key]);
  await atBob.bell.until("Alice has stopped", () => atBob.typing.at(-1)?.length === 0);

  bob.stop();
  await atAlice.bell.until("Bob has left", () => atAlice.online.at(-1)?.join() === "Alice");
});

test("the same key is answered with the same message, and other content is refused", { skip }, async () => {
  const room = await chatd.room();
  const client = enter("Alice");
  const key = uuidv7();
  const first = await client.send(room, "once", { key });
  assert.deepEqual(await client.send(room, "once", { key }), { ...first, replayed: true });
  await assert.rejects(client.send(room, "twice", { key }), { code: "idempotency_mismatch" });
  await assert.rejects(client.send(room, "  "), { code: "empty_message" });
  assert.deepEqual(await chatd.history(room), ["once"]);
});

test("a room that is missing or deleted ends the attachment", { skip }, async () => {
  const client = enter("Alice");
  const missing = follow(client, 999_999);
  await missing.bell.until("refused", () => missing.state.ended !== undefined);
  assert.equal(missing.state.ended?.code, "room_not_found");

  const room = await chatd.room();
  const watch = follow(client, room);
  await watch.bell.until("attached", () => watch.state.attached === 1);
  await fetch(`${chatd.origin}/api/chat/rooms/${room}`, { method: "DELETE" });
  await watch.bell.until("ended", () => watch.state.ended !== undefined);
  assert.equal(watch.state.ended, null);
  assert.equal(watch.events.at(-1)?.type, "room_deleted");
  await assert.rejects(client.send(room, "late"), { code: "room_not_found" });
});

test("a position of the past brings what was missed, and one of another epoch a resync", { skip }, async () => {
  const room = await chatd.room();
  const client = enter("Alice");
  for (const content of ["a", "b", "c"]) await client.send(room, content);
  const watch = follow(client, room);
  await watch.bell.until("attached", () => watch.state.attached === 1);
  const { epoch } = watch.attachment.position!;
  watch.attachment.detach();

  const seen: number[] = [];
  const bell = new Bell();
  const again = client.attach(room, { event: (event) => void (seen.push(event.seq), bell.ring()) }, { after: { epoch, seq: 1 } });
  await bell.until("the gap", () => seen.length === 2);
  assert.deepEqual(seen, [2, 3]);
  again.detach();

  const heads: number[] = [];
  client.attach(room, { resync: (head) => void (heads.push(head.seq), bell.ring()) }, { after: { epoch: "other", seq: 1 } });
  await bell.until("the resync", () => heads.length === 1);
  assert.deepEqual(heads, [3]);
});

test("a name that nobody may have is refused for good", { skip }, async () => {
  const client = enter("");
  const bell = new Bell();
  client.onState(() => bell.ring());
  await bell.until("refused", () => client.state.status === "refused");
  assert.equal(client.state.status === "refused" && client.state.code, 4401);
});

test("connections that are cut again and again lose and double nothing", { skip }, async () => {
  const room = await chatd.room();
  const proxy = new Proxy(() => chatd.port);
  const port = await proxy.listen();
  try {
    const writer = enter("Alice", port);
    const watch = follow(enter("Bob", port), room);
    await watch.bell.until("attached", () => watch.state.attached === 1);
    const contents = Array.from({ length: 90 }, (_, i) => `message ${i}`);
    const sends = contents.map((content) => writer.send(room, content));
    for (const i of [10, 30, 50, 70]) {
      await sends[i];
      proxy.cut();
    }
    await Promise.all(sends);
    await watch.bell.until("all of them", () => watch.events.length >= contents.length);
    assert.deepEqual(watch.contents(), contents);
    assert.deepEqual([watch.wrong, watch.state.resyncs], [[], 0]);
    assert.ok(watch.state.attached > 1);
    assert.deepEqual(await chatd.history(room), contents);
  } finally {
    proxy.close();
  }
});

test("a server that is killed and started again loses and doubles nothing", { skip }, async () => {
  const room = await chatd.room();
  const writer = enter("Alice");
  const watch = follow(enter("Bob"), room);
  await watch.bell.until("attached", () => watch.state.attached === 1);
  const contents = Array.from({ length: 60 }, (_, i) => `message ${i}`);
  const sends = contents.slice(0, 30).map((content) => writer.send(room, content));
  await sends[10];
  await chatd.kill();
  sends.push(...contents.slice(30).map((content) => writer.send(room, content)));
  await chatd.start();
  await Promise.all(sends);
  await watch.bell.until("all of them", () => watch.events.length >= contents.length);
  assert.deepEqual(watch.contents(), contents);
  assert.deepEqual([watch.wrong, watch.state.resyncs], [[], 0]);
  assert.deepEqual(await chatd.history(room), contents);
});

const api = (username: string): ChatApi => new ChatApi({ url: `ws://127.0.0.1:${chatd.port}/ws/chat?username=${username}` });

/** A change of some kind to one of the messages. */
function change(client: ChatClient, room: number, targets: number[], random: () => number): Promise<Done> {
  const target = targets[Math.floor(random() * targets.length)];
  const dice = random();
  if (target === undefined || dice < 0.3) return client.send(room, `text ${random()}`, { meta: { n: 1 }, mentions: ["Bob"] });
  if (dice < 0.45) return client.send(room, `text ${random()}`, { thread: target });
  if (dice < 0.6) return client.edit(room, target, { content: `edit ${random()}`, ...(random() < 0.5 && { mentions: [], meta: {} }) });
  if (dice < 0.7) return client.delete(room, target);
  if (dice < 0.8) return client.pin(room, target, random() < 0.6);
  return client.react(room, target, random() < 0.5 ? "👍" : "x", random() < 0.6);
}

/** What a change may be refused with that knows nothing of what the others do. */
const REFUSED = ["forbidden", "message_deleted", "message_not_found", "invalid_field"];

test("folding the events of a real server gives its pages", { skip }, async () => {
  const room = await chatd.room();
  const proxy = new Proxy(() => chatd.port);
  const port = await proxy.listen();
  const bell = new Bell();
  const random = seeded(7);
  const users = [enter("Alice", port), enter("Bob", port)];
  const timeline = new Timeline({ room, me: { user: "Alice", username: "Alice" } });
  const targets: number[] = [];
  try {
    for (let i = 0; i < 40; i++) targets.push((await users[i % 2]!.send(room, `first ${i}`)).seq);
    assert.ok(timeline.reset(await api("Alice").messages(room, { limit: 10 })));
    users[0]!.attach(room, { event: (event) => void (timeline.apply(event), bell.ring()) }, { after: timeline.position! });
    for (let round = 0; round < 12; round++) {
      const done = Array.from({ length: 20 }, (_, i) => change(users[i % 2]!, room, targets, random));
      const results = await Promise.all(done.map((each) => each.catch((error: ChatError) => error)));
      for (const result of results) if (result instanceof ChatError) assert.ok(REFUSED.includes(result.code), String(result.code));
      const [first] = timeline.messages;
      if (timeline.hasBefore) timeline.prepend(await api("Alice").messages(room, { before: first!.seq, limit: 10 }), first!.seq);
      if (round % 3 === 2) proxy.cut();
    }
    const page = await api("Alice").messages(room, { limit: 100 });
    await bell.until("everything is here", () => timeline.position!.seq === page.head);
    for (const seq of timeline.unplaced) timeline.place(seq, (await api("Alice").message(room, seq)).thread);
    const shown = timeline.messages.slice(-page.messages.length);
    assert.deepEqual(shown, page.messages.slice(-shown.length).map(tombstone));
    assert.ok(shown.some((each) => each.edited) && shown.some((each) => each.deleted) && shown.some((each) => each.thread_count));
  } finally {
    proxy.close();
  }
});

/** That the text of a deleted message is erased goes without saying. */
function tombstone(state: MessageState): MessageState {
  const { erased: _, ...rest } = state;
  return state.deleted ? rest : state;
}

test("marks, notices and watches of a real server make badges", { skip }, async () => {
  const room = await chatd.room();
  const bell = new Bell();
  const alice = enter("Alice");
  const bob = enter("Bob");
  const notices: Notice[] = [];
  alice.onNotice((notice) => void (notices.push(notice), bell.ring()));
  const { seq } = await alice.send(room, "mine");
  const badge = new UnreadCounter("Alice");
  badge.answer(await alice.read(room, seq), badge.ask());
  assert.deepEqual([badge.unread, badge.mark], [0, seq]);
  let head = 0;
  alice.watch(room, {
    attached: (at) => void ((head = at), bell.ring()),
    activity: (activity) => void (badge.activity(activity), bell.ring()),
  });
  await bell.until("watched", () => head > 0);
  badge.attached(head);

  await bob.send(room, "Hello!", { mentions: ["Alice"] });
  await bell.until("a badge", () => badge.unread === 1);
  await bell.until("a mention", () => notices.some(({ type }) => type === "mention"));
  await bob.send(room, "In your thread", { thread: seq });
  await bell.until("a thread", () => notices.some(({ type }) => type === "thread"));
  assert.deepEqual(notices[0], { type: "hello", user: "Alice", username: "Alice" });
  const { rooms } = await api("Alice").myRooms();
  const mine = rooms.find(({ id }) => id === room)!;
  assert.deepEqual([mine.read, mine.unread, mine.mentions, mine.ordinal], [seq, 1, 1, 2]);

  const tablet = enter("Alice");
  const { seq: last } = await bob.send(room, "Bye!");
  await tablet.read(room, last);
  await bell.until("read elsewhere", () => notices.some((notice) => notice.type === "read" && notice.unread === 0));
  assert.equal((await alice.read(room, seq, { back: true })).unread, 2);
});

test("without a WebSocket a real server does the same", { skip }, async () => {
  const room = await chatd.room();
  class Walled {
    onopen = null;
    onmessage = null;
    onclose: ((event: object) => void) | null = null;
    onerror = null;
    constructor() {
      setTimeout(() => this.onclose?.({ code: 1006 }));
    }
    send(): void {}
    close(): void {}
  }
  const client = new ChatClient({ url: `ws://127.0.0.1:${chatd.port}/ws/chat?username=Carl`, WebSocket: Walled });
  clients.push(client);
  client.start();
  const key = uuidv7();
  const { seq } = await client.send(room, "Hello!", { key, meta: { a: 1 } });
  assert.equal((await client.send(room, "Hello!", { key, meta: { a: 1 } })).replayed, true);
  const edited = await client.edit(room, seq, { content: "Hello?" });
  assert.equal(edited.seq, seq + 1);
  assert.equal((await client.react(room, seq, "👍")).count, 1);
  assert.equal((await client.react(room, seq, "👍", false)).count, 0);
  await client.pin(room, seq);
  assert.deepEqual((await api("Carl").pins(room)).messages.map((message) => message.content), ["Hello?"]);
  assert.equal((await client.read(room, seq)).unread, 0);
  await client.delete(room, seq, { reason: "Oops" });
  assert.equal((await api("Carl").message(room, seq)).content, "");
  await assert.rejects(client.react(room, seq, "👍"), { code: "message_deleted" });
});
