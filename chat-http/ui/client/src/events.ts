/** What happens in a room (events, numbered by `seq`), and what a message is after them (its state). */

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

/** What every event has. `user` is null if no user did it; `key` is there when one was given. */
interface Numbered {
  room: number;
  seq: number;
  user: string | null;
  username: string | null;
  timestamp: string;
  key?: string;
}

/** Data of the application's own, at most 8 KiB as JSON. The server only stores it. */
export type Meta = Record<string, unknown>;

/** What a message may have besides its text. A field that is not set is left out. */
export interface MessageFields {
  /** The ids of the users it mentions, at most 50. */
  mentions?: string[];
  /** It mentions everyone. */
  mentions_room?: boolean;
  meta?: Meta;
}

/** A message. `id` and `seq` are the same number. */
export interface ChatMessage extends Numbered, MessageFields {
  type: "message";
  id: number;
  user: string;
  username: string;
  content: string;
  /** The message that it answers. */
  reply_to?: number;
  /** The message whose thread it is in: it is not part of the room's history then. */
  thread?: number;
  /** 1, 2, … within the thread. */
  thread_ordinal?: number;
  /** Its text was deleted before it got here; the event that deletes it follows. */
  erased?: boolean;
}

/** The message `target` has another text; all fields are as they are after it. */
export interface MessageEdited extends Numbered, MessageFields {
  type: "message_edited";
  target: number;
  content: string;
  /** As with a message: the deletion follows. */
  erased?: boolean;
}

/** The message `target` is deleted; its place in the history stays. */
export interface MessageDeleted extends Numbered {
  type: "message_deleted";
  target: number;
  reason?: string;
}

/** A reaction to the message `target` was added or taken back; `count` users have it on the message now. */
export interface Reaction extends Numbered {
  type: "reaction";
  target: number;
  reaction: string;
  added: boolean;
  count: number;
}

/** The message `target` was pinned, or is not pinned any more. */
export interface Pin extends Numbered {
  type: "pin";
  target: number;
  pinned: boolean;
}

/** What a member is in a room. */
export type Role = "member" | "moderator" | "owner";

/** What has changed about somebody in a room. Later servers may know more: ignore those. */
export type MemberChange = "joined" | "added" | "left" | "removed" | "role" | "banned" | "unbanned" | "muted" | "unmuted";

/** Somebody is in the room, or is no longer, or may do something else there. `user` did it, to `member`. */
export interface MemberChanged extends Numbered {
  type: "member";
  change: MemberChange;
  /** Whom it is about, with their role after it where they came in or got another one. */
  member: Identity & { role?: Role };
  /** When a ban or a mute is over, if it has an end. No event comes then. */
  until?: string;
  reason?: string;
}

/** Which members may bring others into a room. */
export type InvitedBy = "members" | "moderators";

/** The room has another name, topic or kind, or others may bring people in. */
export interface RoomUpdated extends Numbered {
  type: "room_updated";
  name: string;
  topic: string;
  kind: string;
  invites: InvitedBy;
}

/** The room is gone: the last event of its log. */
export interface RoomDeleted extends Numbered {
  type: "room_deleted";
}

/** An event of a kind this client does not know yet. */
export interface UnknownEvent {
  type: string;
  room: number;
  seq: number;
}

/** The events that this client knows, by type. */
export interface KnownEvents {
  message: ChatMessage;
  message_edited: MessageEdited;
  message_deleted: MessageDeleted;
  reaction: Reaction;
  pin: Pin;
  member: MemberChanged;
  room_updated: RoomUpdated;
  room_deleted: RoomDeleted;
}

/** Something that happened in a room, numbered by `seq` without holes. */
export type RoomEvent = KnownEvents[keyof KnownEvents] | UnknownEvent;

/** Whether the event is of this type. */
export function isEvent<T extends keyof KnownEvents>(event: RoomEvent, type: T): event is KnownEvents[T] {
  return event.type === type;
}

export function isMessage(event: RoomEvent): event is ChatMessage {
  return isEvent(event, "message");
}

export function isMemberChanged(event: RoomEvent): event is MemberChanged {
  return isEvent(event, "member");
}

export function isRoomUpdated(event: RoomEvent): event is RoomUpdated {
  return isEvent(event, "room_updated");
}

export function isRoomDeleted(event: RoomEvent): event is RoomDeleted {
  return isEvent(event, "room_deleted");
}

/** How many users have reacted with this, and whether one has oneself. */
export interface ReactionCount {
  reaction: string;
  count: number;
  mine: boolean;
}

/** A message as it is now: what REST answers, and what events make of it. */
export interface MessageState extends ChatMessage {
  /** Its newest edit, and how many there are. */
  edited?: { seq: number; timestamp: string; count: number };
  /** Who deleted it; nothing is left of its text. */
  deleted?: { seq: number; timestamp: string; user: string | null; username: string | null };
  /** In the order in which they were first used. */
  reactions?: ReactionCount[];
  pinned?: boolean;
  /** How many undeleted messages its thread has… */
  thread_count?: number;
  /** …and the highest number that ever was in it. */
  thread_last?: number;
}
