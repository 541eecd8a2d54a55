/**
 * What is offered to whom in a room: the table of `docs/permissions.md`, for those who are in. The server judges; this only
 * leaves out what it would refuse.
 */
import type { Member, Room } from "./api.ts";

export type Role = Member["role"];

/** What one may do in a room without regard to a single person in it; `moderate`: delete what others wrote; `everyone`: mention all at once. */
export type Act = "rename" | "kind" | "invites" | "bring" | "restrict" | "delete" | "pin" | "moderate" | "everyone";

const RANKS: Readonly<Record<Role, number>> = { member: 1, moderator: 2, owner: 3 };

/** Whether somebody with this role may do this in the room; without a role they are no member. */
export function may(act: Act, { kind, owned, invites }: Pick<Room, "kind" | "owned" | "invites">, role: Role | null): boolean {
  if (kind === "direct") return act === "pin";
  const rank = role === null ? 0 : RANKS[role];
  // Rooms that nobody owns are everyone's, and nobody moderates there.
  if (!owned) return act === "rename" || act === "delete" || act === "pin" || act === "everyone" || (act === "bring" && rank > 0);
  if (act === "bring") return rank >= (invites === "moderators" ? RANKS.moderator : RANKS.member);
  return rank >= (act === "delete" ? RANKS.owner : RANKS.moderator);
}

/** Whether whoever has the first role may remove, mute and ban somebody with the other. */
export function mayRestrict(room: Pick<Room, "kind" | "owned" | "invites">, role: Role | null, other: Role | null): boolean {
  return may("restrict", room, role) && (role === "owner" || RANKS[role ?? "member"] > RANKS[other ?? "member"]);
}

/** The roles that may be given to somebody who has one; `self`: to oneself, where roles only go down. */
export function rolesToGive({ kind, owned }: Pick<Room, "kind" | "owned">, role: Role | null, other: Role, self: boolean): Role[] {
  if (kind === "direct" || !owned) return [];
  const all: Role[] = ["owner", "moderator", "member"];
  return all.filter((each) => each !== other && (self ? RANKS[each] < RANKS[other] : role === "owner"));
}
