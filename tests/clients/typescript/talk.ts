/** A conversation by openapi-fetch with the types of openapi-typescript: `talk.js URL ROOM`. */
import assert from "node:assert/strict";
import createClient, { createQuerySerializer } from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [baseUrl, name] = process.argv.slice(2);
assert(baseUrl && name);
// The name of a guest goes with every request.
const serialize = createQuerySerializer();
const client = createClient<paths>({ baseUrl, querySerializer: (query) => serialize({ ...query, username: "TypeScript" }) });

const { data: room } = await client.POST("/api/chat/rooms", { body: { name, topic: "TypeScript" } });
assert(room);

const path = { room_id: room.id };
const send = () =>
  client.POST("/api/chat/rooms/{room_id}/messages", {
    params: { path, header: { "Idempotency-Key": "k1" } },
    body: { content: "Hello from TypeScript!" },
  });
const sent = await send();
assert(sent.data);
assert.equal(sent.response.status, 201);

const page = await client.GET("/api/chat/rooms/{room_id}/messages", { params: { path, query: { limit: 10 } } });
assert.deepEqual(page.data?.messages, [sent.data]);

const again = await send();
assert.equal(again.response.status, 200);
assert.equal(again.response.headers.get("idempotency-replayed"), "true");
assert.equal(again.data?.seq, sent.data.seq);

// What was sent is edited, reacted to, answered in a thread, and read; the answer is deleted.
const at = { ...path, seq: sent.data.seq };
const edited = await client.PATCH("/api/chat/rooms/{room_id}/messages/{seq}", {
  params: { path: at, header: { "Idempotency-Key": "k2" } },
  body: { content: "Hello again!" },
});
assert.deepEqual([edited.data?.content, edited.data?.edited?.count], ["Hello again!", 1]);

const reacted = await client.PUT("/api/chat/rooms/{room_id}/messages/{seq}/reactions/{reaction}", {
  params: { path: { ...at, reaction: "👍" } },
});
assert.equal(reacted.data?.count, 1);

const answer = await client.POST("/api/chat/rooms/{room_id}/messages", {
  params: { path },
  body: { content: "In the thread", thread: at.seq, meta: { kind: "test" } },
});
const thread = await client.GET("/api/chat/rooms/{room_id}/messages/{seq}/thread", { params: { path: at } });
assert.deepEqual(thread.data?.messages, [answer.data]);

const mark = await client.PUT("/api/chat/rooms/{room_id}/read", { params: { path }, body: { seq: at.seq } });
assert.deepEqual([mark.data?.seq, mark.data?.unread, mark.data?.ordinal], [at.seq, 0, 1]);
const mine = await client.GET("/api/chat/me/rooms");
const [myRoom] = mine.data?.rooms ?? [];
assert.deepEqual([myRoom?.id, myRoom?.unread, myRoom?.last_message?.thread_count], [room.id, 0, 1]);

assert(answer.data);
const answerAt = { ...path, seq: answer.data.seq };
const gone = await client.DELETE("/api/chat/rooms/{room_id}/messages/{seq}", { params: { path: answerAt } });
assert.equal(gone.response.status, 204);
const tombstone = await client.GET("/api/chat/rooms/{room_id}/messages/{seq}", { params: { path: answerAt } });
assert.deepEqual([tombstone.data?.content, tombstone.data?.deleted?.user], ["", "TypeScript"]);

// Guests own no rooms: they come in, add others, and go, and that is all.
const joined = await client.POST("/api/chat/rooms/{room_id}/join", { params: { path, header: { "Idempotency-Key": "k3" } } });
assert.equal(joined.data?.members, 1);
const user = { ...path, user: "a/b" };
const added = await client.PUT("/api/chat/rooms/{room_id}/members/{user}", { params: { path: user }, body: { username: "Slash" } });
assert.deepEqual([added.response.status, added.data?.username, added.data?.role], [201, "Slash", "member"]);
const members = await client.GET("/api/chat/rooms/{room_id}/members", { params: { path, query: { role: "member", q: "sl" } } });
assert.deepEqual(members.data?.members.map((member) => member.user), ["a/b"]);
const refused = await client.PUT("/api/chat/rooms/{room_id}/bans/{user}", { params: { path: user }, body: { reason: "Spam" } });
assert.equal(refused.error?.code, "forbidden");
assert.equal((await client.PUT("/api/chat/rooms/{room_id}/mutes/{user}", { params: { path: user } })).response.status, 403);
assert.equal((await client.POST("/api/chat/rooms/{room_id}/leave", { params: { path } })).response.status, 204);

const { error: problem } = await client.POST("/api/chat/rooms", { body: { name } });
assert.equal(problem?.code, "name_taken" satisfies components["schemas"]["ProblemCode"]);
assert.equal(problem.room?.id, room.id);

// A frame of the socket is a type, too.
const frame: components["schemas"]["ServerFrame"] = { ...sent.data };
console.log(`room ${room.id} ${frame.type} ${sent.data.seq}`);
