/**
 * Realtime chat over `/ws/chat`: many rooms on one socket that comes back by itself, events exactly
 * once and in order, messages that are never doubled. See README.md.
 *
 * @packageDocumentation
 */

export {
  ChatApi,
  type ApiOptions,
  type EditState,
  type ListOptions,
  type Member,
  type MemberChangeOptions,
  type MyRoom,
  type Notify,
  type Page,
  type PageOptions,
  type ReactionEntry,
  type Restriction,
  type RestrictionOptions,
} from "./api.ts";
export { ChatClient, type ChangeOptions, type ClientOptions, type Edit, type SendOptions } from "./client.ts";
export type { ConnectionState } from "./connection.ts";
export { ChatError } from "./error.ts";
export {
  isEvent,
  isMemberChanged,
  isMessage,
  isRoomDeleted,
  isRoomUpdated,
  type ChatMessage,
  type Epoch,
  type Identity,
  type InvitedBy,
  type KnownEvents,
  type MemberChange,
  type MemberChanged,
  type MessageDeleted,
  type MessageEdited,
  type MessageFields,
  type MessageState,
  type Meta,
  type Pin,
  type Position,
  type Reaction,
  type ReactionCount,
  type Role,
  type RoomDeleted,
  type RoomEvent,
  type RoomUpdated,
  type UnknownEvent,
} from "./events.ts";
export { fold, foldAnswer, foldLostAnswer } from "./fold.ts";
export type { Fetch, TokenSource } from "./http.ts";
export type { Done, Sent } from "./outbox.ts";
export type { Clock, NetworkHints, WebSocketConstructor, WebSocketLike } from "./platform.ts";
export type { Activity, Notice, PresenceList, ReadMark, RoomInfo, Unread } from "./protocol.ts";
export type { Attachment, AttachOptions, RoomHandlers } from "./room.ts";
export { Proposals, type Proposal, type ShownMessage } from "./proposals.ts";
export { Timeline, type TimelineOptions } from "./timeline.ts";
export { UnreadCounter, type Asked } from "./unread.ts";
export { uuidv7 } from "./uuid.ts";
export type { WatchHandlers } from "./watch.ts";
