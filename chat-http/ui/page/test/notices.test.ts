import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberChange, MemberChanged, RoomUpdated } from "../../client/src/index.ts";
import { exactTime, refusal } from "../format.ts";
import { memberNotice, roomNotice } from "../notices.ts";

const UNTIL = "2099-01-01T00:00:00.000Z";

function changed(change: MemberChange, more: Partial<MemberChanged> = {}): MemberChanged {
  const member = { user: "7", username: "Bob" };
  return { type: "member", room: 1, seq: 2, user: "1", username: "Ann", timestamp: UNTIL, change, member, ...more };
}

test("each change of a member is a line", () => {
  const lines: [MemberChanged, string | null][] = [
    [changed("joined"), "Bob joined"],
    [changed("added"), "Ann added Bob"],
    [changed("left"), "Bob left"],
    [changed("removed", { reason: "spam" }), "Ann removed Bob: spam"],
    [changed("role", { member: { user: "7", username: "Bob", role: "owner" } }), "Ann made Bob an owner"],
    [changed("role", { member: { user: "7", username: "Bob", role: "moderator" } }), "Ann made Bob a moderator"],
    [changed("banned", { user: null, username: null }), "The server banned Bob"],
    [changed("banned", { until: UNTIL, reason: "spam" }), `Ann banned Bob until ${exactTime(Date.parse(UNTIL))}: spam`],
    [changed("unbanned"), "Ann lifted the ban on Bob"],
    [changed("muted", { until: UNTIL }), `Ann muted Bob until ${exactTime(Date.parse(UNTIL))}`],
    [changed("unmuted"), "Ann let Bob write again"],
    [changed("of a later server" as MemberChange), null],
  ];
  for (const [event, line] of lines) assert.equal(memberNotice(event), line);
});

test("a changed room says what is other", () => {
  const before = { name: "general", topic: "News", kind: "public" };
  const event = { ...changed("joined"), type: "room_updated", invites: "members" } as unknown as RoomUpdated;
  const line = (now: object): string | null => roomNotice({ ...event, ...before, ...now }, before);
  assert.equal(line({ name: "other" }), "Ann renamed the room to “other”");
  assert.equal(line({ topic: "Old" }), "Ann changed the topic to “Old”");
  assert.equal(line({ topic: "" }), "Ann removed the topic");
  assert.equal(line({ kind: "private" }), "Ann made the room private");
  assert.equal(line({ invites: "moderators" }), null);
});

test("the banned and the muted are told what they are", () => {
  assert.equal(refusal("banned"), "You are banned from this room.");
  assert.equal(refusal("muted"), "You may only read in this room.");
});
