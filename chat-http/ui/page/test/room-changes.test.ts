import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "../api.ts";
import { changesOf } from "../room-changes.ts";

test("only what was changed of a room is saved", () => {
  const room = { id: 7, name: "general", topic: "Talk", kind: "public", invites: "members", head: 9 } as Room;
  const draft = { name: "general", topic: "Talk", kind: "public", invites: "members" } as const;
  assert.equal(changesOf(room, draft), null);
  assert.deepEqual(changesOf(room, { ...draft, topic: "" }), { topic: "" });
  assert.deepEqual(changesOf(room, { ...draft, name: "lobby", kind: "private" }), { name: "lobby", kind: "private" });
});
