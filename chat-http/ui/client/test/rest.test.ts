/** The REST calls: those that read, and those that stand in for a socket. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChatApi, type ChatClient } from "../src/index.ts";
import { settle } from "./fake-clock.ts";
import { Bench } from "./fake-socket.ts";

type Json = Record<string, unknown>;

/** A server that writes down what it is asked, and answers what it was told to. */
class Desk {
  readonly asked: string[] = [];
  answer: () => Response = () => Response.json({});
  /** The event streams that are open. */
  readonly streams = new Map<string, ReadableStreamDefaultController<Uint8Array>>();
  /** Whether there is a stream of notices. */
  hasNotices = true;

  readonly fetch = async (href: string, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(href);
    url.searchParams.delete("username");
    if (url.pathname === "/api/chat/rooms" && url.search === "?limit=1") return Response.json({ rooms: [], next: null });
    const key = new Headers(init.headers).get("Idempotency-Key");
    const words = [init.method, url.pathname.replace("/api/chat", "") + url.search, init.body, key && `key ${key}`];
    this.asked.push(words.filter(Boolean).join(" "));
    if (!url.pathname.endsWith("/events")) return this.answer();
    if (url.pathname === "/api/chat/events" && !this.hasNotices) return new Response(null, { status: 404 });
    return new Response(new ReadableStream<Uint8Array>({ start: (stream) => void this.streams.set(url.pathname, stream) }));
  };

  say(path: string, frame: object): void {
    this.streams.get(`/api/chat${path}`)!.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(frame)}\n\n`));
  }
}

const api = (desk: Desk): ChatApi => new ChatApi({ url: "ws://chat.example/ws/chat?username=Alice", fetch: desk.fetch });

const CALLS: Record<string, (api: ChatApi) => Promise<unknown>> = {
  "GET /rooms/1/messages?before=9&limit=5": (api) => api.messages(1, { before: 9, limit: 5 }),
  "GET /rooms/1/messages/7": (api) => api.message(1, 7),
  "GET /rooms/1/messages/7/thread?after=8": (api) => api.thread(1, 7, { after: 8 }),
  "GET /rooms/1/messages/7/edits": (api) => api.edits(1, 7),
  "GET /rooms/1/messages/7/reactions?after=c%26&limit=2": (api) => api.reactions(1, 7, { after: "c&", limit: 2 }),
  "GET /rooms/1/pins": (api) => api.pins(1),
  "GET /rooms/1/reads?limit=2": (api) => api.reads(1, { limit: 2 }),
  'PUT /rooms/1/read {"seq":7,"epoch":"e"}': (api) => api.read(1, { seq: 7, epoch: "e" }),
  "GET /me/rooms": (api) => api.myRooms(),
  'PUT /rooms/1/notify {"notify":"none"}': (api) => api.notify(1, "none"),
  "POST /rooms/1/join key k": (api) => api.join(1, { key: "k" }),
  "POST /rooms/1/leave": (api) => api.leave(1),
  "GET /rooms/1/members?limit=2&role=owner&q=al": (api) => api.members(1, { limit: 2, role: "owner", q: "al" }),
  "PUT /rooms/1/members/a%2Fb {\"username\":\"Bob\",\"role\":\"moderator\"} key k": (api) =>
    api.setMember(1, "a/b", { username: "Bob", role: "moderator", key: "k" }),
  "PUT /rooms/1/members/7 {}": (api) => api.setMember(1, "7"),
  "DELETE /rooms/1/members/7?reason=spam key k": (api) => api.removeMember(1, "7", { reason: "spam", key: "k" }),
  "DELETE /rooms/1/members/7": (api) => api.removeMember(1, "7"),
  'PUT /rooms/1/bans/7 {"until":"2030-01-01T00:00:00Z","reason":"spam"} key k': (api) =>
    api.ban(1, "7", { until: "2030-01-01T00:00:00Z", reason: "spam", key: "k" }),
  "DELETE /rooms/1/bans/7": (api) => api.unban(1, "7"),
  "GET /rooms/1/bans?after=.7": (api) => api.bans(1, { after: ".7" }),
  "PUT /rooms/1/mutes/%E2%9D%A4 {}": (api) => api.mute(1, "❤"),
  "DELETE /rooms/1/mutes/7?reason=sorry": (api) => api.unmute(1, "7", { reason: "sorry" }),
  "GET /rooms/1/mutes": (api) => api.mutes(1),
  'POST /rooms/1/invites {"max_uses":2}': (api) => api.invite(1, { max_uses: 2 }),
  "GET /rooms/1/invites?limit=2": (api) => api.invites(1, { limit: 2 }),
  "DELETE /rooms/1/invites/00ff": (api) => api.revokeInvite(1, "00ff"),
  "POST /invites/00ff key k": (api) => api.acceptInvite("00ff", { key: "k" }),
  "GET /rooms/1/audit?after=7": (api) => api.audit(1, { after: "7" }),
  "GET /search?q=a+b&room=1&user=bob": (api) => api.search("a b", { room: 1, user: "bob" }),
};
for (const [asked, call] of Object.entries(CALLS)) {
  test(`the api asks ${asked}`, async () => {
    const desk = new Desk();
    desk.answer = () => Response.json({ next: null });
    const answer = await call(api(desk));
    assert.deepEqual(desk.asked, [asked]);
    const isSilent = asked.includes("notify") || asked.includes("leave") || asked.startsWith("DELETE");
    assert.deepEqual(answer, isSilent ? undefined : { next: null });
  });
}

test("the api rejects with the server's code, and with unavailable if there is none", async () => {
  const desk = new Desk();
  desk.answer = () => Response.json({ code: "epoch_changed", detail: "another" }, { status: 409 });
  await assert.rejects(api(desk).read(1, { seq: 1, epoch: "e" }), { code: "epoch_changed", message: "another" });
  desk.answer = () => new Response("<h1>Bad Gateway</h1>", { status: 502 });
  await assert.rejects(api(desk).pins(1), { code: "unavailable", retryable: true });
  const until = "2030-01-01T00:00:00.000Z";
  desk.answer = () => Response.json({ code: "banned", detail: "you are banned", until }, { status: 403 });
  await assert.rejects(api(desk).join(1), { code: "banned", until, retryable: false });
  const dead = new ChatApi({ url: "ws://chat.example/ws/chat", fetch: () => Promise.reject(new TypeError()) });
  await assert.rejects(dead.pins(1), { code: "unavailable" });
});

/** A client that no WebSocket can be opened for. */
async function walled(desk: Desk, prepare: (client: ChatClient) => void = () => {}): Promise<Bench> {
  const bench = new Bench({ fetch: desk.fetch });
  prepare(bench.client);
  bench.client.start();
  for (let attempt = 0; attempt < 2; attempt++) {
    await settle();
    bench.socket.end(1006);
    await bench.clock.advance(2_000);
  }
  for (let i = 0; i < 20; i++) await settle();
  return bench;
}

const key = "k";
const message = { type: "message", seq: 9, timestamp: "t9" };
const CHANGES: Record<string, [(client: ChatClient) => Promise<unknown>, object | null, Json]> = {
  'POST /rooms/1/messages {"content":"a","thread":2,"meta":{}} key k': [
    (client) => client.send(1, "a", { thread: 2, meta: {}, key }), message, { seq: 9, timestamp: "t9" },
  ],
  'PATCH /rooms/1/messages/5 {"content":"b","mentions":[]} key k': [
    (client) => client.edit(1, 5, { content: "b", mentions: [] }, { key }),
    { ...message, seq: 5, edited: { seq: 12, timestamp: "t12", count: 3 } },
    { seq: 12, timestamp: "t12" },
  ],
  "DELETE /rooms/1/messages/5?reason=spam key k": [(client) => client.delete(1, 5, { reason: "spam", key }), null, {}],
  "DELETE /rooms/1/messages/5 key k": [(client) => client.delete(1, 5, { key }), null, {}],
  "PUT /rooms/1/messages/5/reactions/%F0%9F%91%8D%25 key k": [
    (client) => client.react(1, 5, "👍%", true, { key }), { reaction: "👍%", count: 2 }, { count: 2 },
  ],
  "DELETE /rooms/1/messages/5/reactions/x key k": [
    (client) => client.react(1, 5, "x", false, { key }), { reaction: "x", count: 0 }, { count: 0 },
  ],
  "PUT /rooms/1/messages/5/pin key k": [(client) => client.pin(1, 5, true, { key }), { ...message, pinned: true }, {}],
  "DELETE /rooms/1/messages/5/pin key k": [(client) => client.pin(1, 5, false, { key }), message, {}],
};
for (const [asked, [act, answer, result]] of Object.entries(CHANGES)) {
  test(`without a WebSocket a change is ${asked}`, async () => {
    const desk = new Desk();
    const bench = await walled(desk);
    const headers = { "Idempotency-Replayed": "true" };
    desk.answer = () => (answer === null ? new Response(null, { status: 204, headers }) : Response.json(answer, { headers }));
    assert.deepEqual(await act(bench.client), { key, replayed: true, ...result });
    assert.deepEqual(desk.asked, [asked]);
  });
}

test("without a WebSocket a mark is a request, too", async () => {
  const desk = new Desk();
  const bench = await walled(desk);
  const mark = { seq: 7, unread: 1, mentions: 0, ordinal: 8 };
  desk.answer = () => Response.json(mark);
  assert.deepEqual(await bench.client.read(1, 7, { back: true }), mark);
  assert.deepEqual(desk.asked, ['PUT /rooms/1/read {"seq":7,"back":true}']);
});

test("without a WebSocket a refusal is final or not, as on a socket", async () => {
  const desk = new Desk();
  const bench = await walled(desk);
  desk.answer = () => Response.json({ code: "message_deleted", detail: "gone" }, { status: 409 });
  await assert.rejects(bench.client.react(1, 5, "x"), { code: "message_deleted" });
});

test("without a WebSocket notices and activity come over a stream of one's own", async () => {
  const desk = new Desk();
  const told: string[] = [];
  desk.answer = () => Response.json({ head: 5 });
  const bench = await walled(desk, (client) => {
    client.onNotice(({ type }) => told.push(type));
    client.watch(1, { attached: (head) => told.push(`attached ${head}`), activity: ({ head }) => told.push(`activity ${head}`) });
  });
  assert.deepEqual(desk.asked, ["GET /events", "GET /rooms/1"]);
  desk.say("/events", { type: "hello", user: "Alice", username: "Alice" });
  desk.say("/events", { type: "activity", room: 1, head: 6 });
  desk.say("/events", { type: "activity", room: 2, head: 6 });
  for (let i = 0; i < 20; i++) await settle();
  assert.deepEqual(told, ["attached 5", "hello", "activity 6"]);
  desk.streams.get("/api/chat/events")!.close();
  for (let i = 0; i < 20; i++) await settle();
  assert.equal(bench.client.state.status, "waiting");
});

test("a server without a stream of notices is no reason to go away", async () => {
  const desk = new Desk();
  desk.hasNotices = false;
  const bench = await walled(desk, (client) => client.onNotice(() => {}));
  assert.deepEqual([desk.asked, bench.client.state.status], [["GET /events"], "online"]);
});

test("every request has a fresh token, and none is made without", async () => {
  const seen: (string | null)[] = [];
  const desk = new Desk();
  let asked = 0;
  const withToken = new ChatApi({
    url: "ws://chat.example/ws/chat",
    fetch: async (href, init) => {
      seen.push(new Headers(init?.headers).get("Authorization"));
      return desk.fetch(href, init);
    },
    token: () => {
      asked += 1;
      if (asked === 2) throw new Error("no token at the moment");
      return `token-${asked}`;
    },
  });
  await withToken.myRooms();
  await assert.rejects(withToken.myRooms(), { code: "unavailable" });
  await withToken.read(1, { seq: 7, epoch: "e" });
  assert.deepEqual(seen, ["Bearer token-1", "Bearer token-3"]);
});

test("a source that has no token for a request leaves it to what else says who asks", async () => {
  const seen: (string | null)[] = [];
  const fetch = async (_: string, init?: RequestInit): Promise<Response> => (seen.push(new Headers(init?.headers).get("Authorization")), Response.json({ rooms: [], next: null }));
  await new ChatApi({ url: "ws://chat.example/ws/chat?username=Alice", fetch, token: () => null }).myRooms();
  assert.deepEqual(seen, [null]);
});
