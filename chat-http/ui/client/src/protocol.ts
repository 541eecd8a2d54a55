/**
 * The frames of `/ws/chat`, as far as this client knows them.
 * Unknown fields and unknown frame types are ignored.
 */

import type { Identity, InvitedBy, MessageFields, Position, RoomEvent } from "./events.ts";

/** Who is in a room. In a very large room the lists are empty and only `count` tells. */
export interface PresenceList {
  users: string[];
  identities: Identity[];
  count: number;
}

/** How far a user has read. */
export interface ReadMark extends Identity {
  seq: number;
}

/** One's own mark in a room, and how much there is beyond it. `ordinal` counts the room's messages up to now. */
export interface Unread {
  /** The last message that was read. */
  seq: number;
  unread: number;
  mentions: number;
  ordinal: number;
}

/** What is new in a room that is watched. */
export interface Activity {
  type: "activity";
  room: number;
  head: number;
  ordinal: number;
  /** A message since the last activity mentions everyone. */
  mentions_room?: boolean;
  /** The newest message, if there ever was one: the first 120 characters of its text, none if it is deleted. */
  last?: { seq: number; user: string | null; username: string | null; content: string };
}

/** A room as everyone who may read it sees it. */
export interface RoomInfo {
  id: number;
  name: string;
  topic: string;
  created_at: string;
  head: number;
  last_message_at: string | null;
  online: number;
  /** Who may see it: `public` or `private`. */
  kind: string;
  /** Whether it has owners. Anyone may rename and delete a room that nobody owns. */
  owned: boolean;
  invites: InvitedBy;
  /** How many members it has. */
  members: number;
}

/** What concerns the user, whichever rooms are attached. */
export type Notice =
  /** The first of each connection: what happened before it, `/me/rooms` tells. */
  | { type: "hello"; user: string; username: string }
  | { type: "room_added"; room: RoomInfo }
  | { type: "room_removed"; room: number; reason: string }
  | ({ type: "mention"; room: number; seq: number } & Identity)
  /** A new message in a thread that the user began or wrote in. */
  | { type: "thread"; room: number; root: number; seq: number }
  /** The user has read on elsewhere. */
  | ({ type: "read"; room: number } & Unread)
  /** Notices were lost: `/me/rooms` tells. */
  | { type: "missed" };

/** What changes a room or a mark: repeated until it is answered, so it has to be harmless when it comes twice. */
export type Change =
  | ({ type: "message"; room: number; content: string; reply_to?: number; thread?: number; key: string } & MessageFields)
  | ({ type: "edit"; room: number; target: number; content: string; key: string } & MessageFields)
  | { type: "delete"; room: number; target: number; reason?: string; key: string }
  | { type: "react"; room: number; target: number; reaction: string; added: boolean; key: string }
  | { type: "pin"; room: number; target: number; pinned: boolean; key: string }
  | { type: "read"; room: number; seq: number; back?: boolean };

/** What this client says to the server. */
export type Command =
  | { type: "auth"; token: string }
  | { type: "attach"; room: number; ref: string; after?: Position; presence?: boolean; events?: false }
  | { type: "detach"; room: number }
  | (Change & { ref: string })
  | { type: "typing"; room: number; is_typing: boolean }
  | { type: "ping" };

/** A frame of the server before it is known what it is: every field has to be looked at. */
export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The frame in a text, or `null` if it is none. */
export function parseFrame(data: unknown): Frame | null {
  if (typeof data !== "string") return null;
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) && typeof value["type"] === "string" ? (value as Frame) : null;
  } catch {
    return null;
  }
}

/** Whether the frame is an event of a kind that this client knows to be one. */
export function isKnownEvent(frame: Frame): boolean {
  return EVENTS.has(frame.type);
}

const EVENTS = new Set([
  "message",
  "message_edited",
  "message_deleted",
  "reaction",
  "pin",
  "member",
  "room_updated",
  "room_deleted",
]);

/** The notice in a frame, if it is one. (A `read` with `marks` is a signal to a room.) */
export function noticeOf(frame: Frame): Notice | null {
  const good = NOTICES.has(frame.type) && !("marks" in frame);
  return good ? (frame as unknown as Notice) : null;
}

const NOTICES = new Set(["hello", "room_added", "room_removed", "mention", "thread", "read", "missed"]);

/** The value as an event, if it has what every event has. */
export function asEvent(value: unknown): RoomEvent | null {
  const good = isRecord(value) && typeof value["type"] === "string" && isSeq(value["seq"]);
  return good ? (value as unknown as RoomEvent) : null;
}

/** The head an `attached` or a `resync` names. */
export function headOf(frame: Frame): Position | null {
  const { epoch, head } = frame;
  return typeof epoch === "string" && isSeq(head) ? { epoch, seq: head } : null;
}

/** The identities in a frame's field; what is none is left out. */
export function identitiesOf(value: unknown): Identity[] {
  return Array.isArray(value) ? value.flatMap((entry) => identityOf(entry) ?? []) : [];
}

/** The identity that a `join`, a `leave` or an entry of `identities` names. */
export function identityOf(value: unknown): Identity | null {
  if (!isRecord(value)) return null;
  const { user, username } = value;
  return typeof user === "string" && typeof username === "string" ? { user, username } : null;
}

/** The list a `user_list` carries. */
export function presenceOf(frame: Frame): PresenceList {
  const identities = identitiesOf(frame["identities"]);
  const users = Array.isArray(frame["users"]) ? frame["users"].filter((name) => typeof name === "string") : [];
  const count = typeof frame["count"] === "number" ? frame["count"] : users.length;
  return { users, identities, count };
}

/** The marks that a `read` to a room carries. */
export function marksOf(frame: Frame): ReadMark[] {
  const { marks } = frame;
  return Array.isArray(marks) ? marks.filter((mark) => identityOf(mark) !== null && isSeq(mark.seq)) : [];
}

export function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
