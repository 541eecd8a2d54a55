/**
 * The frames of `/ws/chat`, as far as this client knows them, and what their codes mean.
 * Unknown fields and unknown frame types are ignored.
 */

/** A word that changes only when the server's history may have been lost (a restored backup). */
export type Epoch = string;

/** A place in a room's log: everything up to and including `seq` has been seen. */
export interface Position {
  epoch: Epoch;
  seq: number;
}

/** A user as others see them: the id, and the name to show. */
export interface Identity {
  user: string;
  username: string;
}

/** A message. `id` and `seq` are the same number; `key` is there when its sender gave one. */
export interface ChatMessage {
  type: "message";
  room: number;
  seq: number;
  id: number;
  user: string;
  username: string;
  content: string;
  timestamp: string;
  key?: string;
}

/** The room has another name or topic. */
export interface RoomUpdated {
  type: "room_updated";
  room: number;
  seq: number;
  name: string;
  topic: string;
  user: string | null;
  username: string | null;
  timestamp: string;
}

/** The room is gone: the last event of its log. */
export interface RoomDeleted {
  type: "room_deleted";
  room: number;
  seq: number;
  user: string | null;
  username: string | null;
  timestamp: string;
}

/** An event of a kind this client does not know yet. */
export interface UnknownEvent {
  type: string;
  room: number;
  seq: number;
}

/** Something that happened in a room, numbered by `seq` without holes. */
export type RoomEvent = ChatMessage | RoomUpdated | RoomDeleted | UnknownEvent;

/** Who is in a room. In a very large room the lists are empty and only `count` tells. */
export interface PresenceList {
  users: string[];
  identities: Identity[];
  count: number;
}

export function isMessage(event: RoomEvent): event is ChatMessage {
  return event.type === "message";
}

export function isRoomUpdated(event: RoomEvent): event is RoomUpdated {
  return event.type === "room_updated";
}

export function isRoomDeleted(event: RoomEvent): event is RoomDeleted {
  return event.type === "room_deleted";
}

/** What this client says to the server. */
export type Command =
  | { type: "attach"; room: number; ref: string; after?: Position; presence: boolean }
  | { type: "detach"; room: number }
  | { type: "message"; room: number; content: string; key: string; ref: string }
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
  return frame.type === "message" || frame.type === "room_updated" || frame.type === "room_deleted";
}

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

export function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Why something was refused. `code` is one of the server's, or `cancelled` or `refused` from this client. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly code: string;
  /** The field that was wrong, when the server names one. */
  readonly field?: string;
  /** How long to wait before trying again, when the server says so. */
  readonly retryAfterMs?: number;

  constructor(code: string, message: string, more: { field?: string; retryAfterMs?: number } = {}) {
    super(message);
    this.code = code;
    if (more.field !== undefined) this.field = more.field;
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs;
  }

  /** Whether the same command may succeed later. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code) || this.retryAfterMs !== undefined;
  }

  /** The error in an `error` frame. */
  static from(frame: Frame): ChatError {
    const { code, message, field, retry_after_ms } = frame;
    return new ChatError(text(code) ?? "unknown", text(message) ?? text(code) ?? "The server refused.", {
      ...(typeof field === "string" && { field }),
      ...(typeof retry_after_ms === "number" && retry_after_ms >= 0 && { retryAfterMs: retry_after_ms }),
    });
  }
}

const RETRYABLE = new Set([
  "overloaded",
  "unavailable",
  "storage_full",
  "outcome_unknown",
  "rate_limited",
  "too_many",
]);

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * Whether a close code tells the client to stay away: 44xx, and what says that the two sides do not
 * speak the same protocol. After all others, and after an end without a close frame, it comes back.
 */
export function staysAway(code: number): boolean {
  return (code >= 4400 && code <= 4499) || PROTOCOL_CLOSES.has(code);
}

const PROTOCOL_CLOSES = new Set([1002, 1003, 1007, 1008, 1009]);

/** The close code of a client that was too fast: it comes back, but not quickly. */
export const CLOSED_TOO_FAST = 4529;
