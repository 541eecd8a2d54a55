/** What is offered is what `docs/permissions.md` allows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { may, mayRestrict, rolesToGive, type Act, type Role } from "../room-rights.ts";

const room = (kind: string, owned = true, invites: "members" | "moderators" = "members") => ({ kind, owned, invites });
const ROLES: (Role | null)[] = [null, "member", "moderator", "owner"];

test("rooms that are owned go by roles", () => {
  const from: [Act, number][] = [["rename", 2], ["kind", 2], ["invites", 2], ["bring", 1], ["restrict", 2], ["pin", 2], ["moderate", 2], ["everyone", 2], ["delete", 3]];
  for (const kind of ["public", "private"]) for (const [act, first] of from) for (const [rank, role] of ROLES.entries()) assert.equal(may(act, room(kind), role), rank >= first, `${act}, ${kind}, ${role}`);
});

test("where moderators bring others in, members do not", () => {
  assert.deepEqual(ROLES.map((role) => may("bring", room("private", true, "moderators"), role)), [false, false, true, true]);
});

test("rooms that nobody owns are everyone's, and nobody moderates there", () => {
  const allowed = (role: Role | null) => (["rename", "kind", "invites", "bring", "restrict", "pin", "moderate", "everyone", "delete"] as Act[]).filter((act) => may(act, room("public", false), role));
  assert.deepEqual(allowed(null), ["rename", "pin", "everyone", "delete"]);
  assert.deepEqual(allowed("member"), ["rename", "bring", "pin", "everyone", "delete"]);
  assert.deepEqual(rolesToGive(room("public", false), "member", "member", false), []);
});

test("of all that, only pins are for rooms of two", () => {
  assert.equal(may("pin", room("direct", false), "member"), true);
  for (const act of ["rename", "kind", "invites", "bring", "restrict", "moderate", "everyone", "delete"] as Act[]) assert.equal(may(act, room("direct", false), "member"), false, act);
});

test("nobody acts on their equals but owners", () => {
  const on = (role: Role | null) => ROLES.filter((other) => mayRestrict(room("public"), role, other));
  assert.deepEqual(on("member"), []);
  assert.deepEqual(on("moderator"), [null, "member"]);
  assert.deepEqual(on("owner"), ROLES);
});

test("owners give roles, and everyone may take a lower one", () => {
  assert.deepEqual(rolesToGive(room("public"), "owner", "member", false), ["owner", "moderator"]);
  assert.deepEqual(rolesToGive(room("public"), "owner", "owner", true), ["moderator", "member"]);
  assert.deepEqual(rolesToGive(room("public"), "moderator", "member", false), []);
  assert.deepEqual(rolesToGive(room("public"), "moderator", "moderator", true), ["member"]);
});
