import assert from "node:assert/strict";
import { test } from "node:test";
import { isMessage } from "../src/index.ts";
import { Bench } from "./fake-socket.ts";

interface Call {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: string;
}

/** A server that can be reached over plain HTTP alone. */
class PlainHttp {
  readonly calls: Call[] = [];
  /** What the next event streams are answered with instead. */
  readonly refusals: (() => Response)[] = [];
  readonly log: object[] = [];
  streams: ReadableStreamDefaultController<Uint8Array>[] = [];

  readonly fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { pathname, searchParams } = new URL(url);
    const { method = "GET", headers = {}, body } = init;
    const query = Object.fromEntries(searchParams);
    const call = { method, path: pathname, query, headers: headers as Record<string, string>, body: String(body ?? "") };
    this.calls.push(call);
    if (query["username"] !== "Alice") return this.problem(400, "invalid_field");
    if (pathname.endsWith("/events")) return this.refusals.shift()?.() ?? this.#stream(query, init.signal!);
    if (method === "POST") return this.#store(call);
    return Response.json({ rooms: [], next: null });
  };

  problem(status: number, code: string): Response {
    return Response.json({ code, detail: code, status }, { status });
  }

  of(part: string): Call[] {
    return this.calls.filter((call) => call.path.endsWith(part));
  }

  say(text: string): void {
    for (const stream of this.streams) stream.enqueue(new TextEncoder().encode(text));
  }

  /** Ends all streams, as a proxy does. */
  cut(): void {
    for (const stream of this.streams.splice(0)) stream.close();
  }

  publish(content: string): void {
    const seq = this.log.length + 1;
    this.log.push({ type: "message", room: 1, seq, id: seq, user: "Bob", username: "Bob", content, timestamp: "" });
    this.say(this.#event(seq));
  }

  #event(seq: number): string {
    return `id: e:${seq}\ndata: ${JSON.stringify(this.log[seq - 1])}\n\n`;
  }

  #stream(query: Record<string, string>, signal: AbortSignal): Response {
    const head = this.log.length;
    const after = Number(query["after"] ?? head);
    const attached = { type: "attached", room: 1, epoch: "e", head, events: [] };
    let text = `retry: 1000\nid: e:${after}\ndata: ${JSON.stringify(attached)}\n\n`;
    for (let seq = after + 1; seq <= head; seq++) text += this.#event(seq);
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        this.streams.push(stream);
        signal.addEventListener("abort", () => {
          this.streams = this.streams.filter((other) => other !== stream);
          stream.error(new Error("aborted"));
        });
        stream.enqueue(new TextEncoder().encode(text));
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  #store(call: Call): Response {
    const { content } = JSON.parse(call.body) as { content: string };
    this.publish(content);
    return Response.json({ ...this.log.at(-1), timestamp: "now" }, { status: 201 });
  }
}

/** Lets streams and promises do what they can. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A client in a network that lets no WebSocket through. */
class Walled extends Bench {
  readonly server: PlainHttp;
  readonly heard: string[] = [];

  constructor(user = "Alice") {
    const server = new PlainHttp();
    super({ url: `wss://chat.example/base/ws/chat?username=${user}`, fetch: server.fetch });
    this.server = server;
    this.client.attach(1, { event: (event) => void (isMessage(event) && this.heard.push(event.content)) });
  }

  /** Every WebSocket fails at once. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      for (const socket of this.sockets) if (socket.onclose !== null && !socket.closed) socket.end(1006);
      await settled();
      await this.clock.advance(250);
    }
    await settled();
  }

  override async online(): Promise<never> {
    this.client.start();
    await this.pass(2_000);
    return undefined as never;
  }
}

test("where no WebSocket can be opened, rooms are heard over event streams and messages sent over REST", async () => {
  const walled = new Walled();
  await walled.online();
  assert.equal(walled.client.state.status, "online");
  walled.server.publish("one");
  const sent = walled.client.send(1, "two", { key: "k" });
  await settled();
  assert.deepEqual(await sent, { seq: 2, timestamp: "now", replayed: false, key: "k" });
  assert.deepEqual(walled.heard, ["one", "two"]);
  const [post] = walled.server.of("/messages");
  assert.equal(post!.path, "/base/api/chat/rooms/1/messages");
  assert.equal(post!.headers["Idempotency-Key"], "k");
  assert.equal(walled.server.of("/events")[0]!.query["presence"], "true");
});

test("a stream that ends goes on from where it was, with nothing missed or doubled", async () => {
  const walled = new Walled();
  await walled.online();
  walled.server.publish("one");
  await settled();
  walled.server.cut();
  await settled();
  walled.server.publish("two");
  walled.server.publish("three");
  await walled.pass(5_000);
  walled.server.publish("four");
  await settled();
  assert.deepEqual(walled.heard, ["one", "two", "three", "four"]);
  assert.equal(walled.server.of("/events").at(-1)!.query["after"], "1");
});

test("a proxy's 502 is not the end", async () => {
  const walled = new Walled();
  walled.server.refusals.push(() => new Response("<h1>Bad Gateway</h1>", { status: 502 }));
  await walled.online();
  await walled.pass(2_000);
  walled.server.publish("one");
  await settled();
  assert.deepEqual(walled.heard, ["one"]);
  assert.equal(walled.server.of("/events").length, 2);
});

test("a room that is gone, or that the server refuses, ends", async () => {
  for (const refusal of [() => new Response(null, { status: 204 }), () => new PlainHttp().problem(404, "room_not_found")]) {
    const walled = new Walled();
    const ended: unknown[] = [];
    walled.client.attach(2, { ended: (error) => ended.push(error?.code) });
    walled.server.refusals.push(refusal, refusal);
    await walled.online();
    assert.deepEqual(ended, ["room_not_found"]);
  }
});

test("who is not let in stays away", async () => {
  const walled = new Walled("");
  await walled.online();
  assert.deepEqual(walled.client.state, { status: "refused", code: 4401, reason: "" });
});

test("a stream that falls silent is opened anew", async () => {
  const walled = new Walled();
  await walled.online();
  for (let i = 0; i < 8; i++) {
    walled.server.say(":\n\n");
    await walled.pass(8_000);
  }
  assert.equal(walled.server.of("/events").length, 1, "its comments show that it lives");
  await walled.pass(60_000);
  assert.ok(walled.server.of("/events").length > 1);
});

test("a WebSocket is tried first each time", async () => {
  const walled = new Walled();
  await walled.online();
  walled.server.cut();
  await settled();
  await walled.clock.advance(5_000);
  walled.socket.accept();
  await settled();
  assert.equal(walled.server.of("/events").length, 1);
  assert.equal(walled.socket.of("attach").length, 1);
});
