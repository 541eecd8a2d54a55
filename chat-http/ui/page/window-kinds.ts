/** Which windows there are about a room. */
import type { Identity } from "../client/src/index.ts";

export type RoomWindow = { kind: "person"; person: Identity } | { kind: "search" | "pins" | "invites" | "restrictions" | "audit" };

const KINDS: readonly string[] = ["person", "search", "pins", "invites", "restrictions", "audit"] satisfies RoomWindow["kind"][];

export function isOfRoom(window: { kind: string }): window is RoomWindow {
  return KINDS.includes(window.kind);
}
