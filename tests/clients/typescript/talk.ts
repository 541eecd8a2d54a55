/** A conversation by openapi-fetch with the types of openapi-typescript: `talk.js URL ROOM`. */
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [baseUrl, name] = process.argv.slice(2);
assert(baseUrl && name);
const client = createClient<paths>({ baseUrl });

const { data: room } = await client.POST("/api/chat/rooms", { body: { name, topic: "TypeScript" } });
assert(room);

const path = { room_id: room.id };
const send = () =>
  client.POST("/api/chat/rooms/{room_id}/messages", {
    params: { path, query: { username: "TypeScript" }, header: { "Idempotency-Key": "k1" } },
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

const { error: problem } = await client.POST("/api/chat/rooms", { body: { name } });
assert.equal(problem?.code, "name_taken" satisfies components["schemas"]["ProblemCode"]);
assert.equal(problem.room?.id, room.id);

// A frame of the socket is a type, too.
const frame: components["schemas"]["ServerFrame"] = { ...sent.data };
console.log(`room ${room.id} ${frame.type} ${sent.data.seq}`);
