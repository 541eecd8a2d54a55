/**
 * Realtime chat over `/ws/chat`: many rooms on one socket that comes back by itself, events exactly
 * once and in order, messages that are never doubled. See README.md.
 *
 * @packageDocumentation
 */

export { ChatClient, type ClientOptions, type SendOptions } from "./client.ts";
export type { ConnectionState } from "./connection.ts";
export type { Sent } from "./outbox.ts";
export type { Clock, NetworkHints, WebSocketConstructor, WebSocketLike } from "./platform.ts";
export {
  ChatError,
  isMessage,
  isRoomDeleted,
  isRoomUpdated,
  type Epoch,
  type Identity,
  type ChatMessage,
  type Position,
  type PresenceList,
  type RoomDeleted,
  type RoomEvent,
  type RoomUpdated,
  type UnknownEvent,
} from "./protocol.ts";
export type { Attachment, AttachOptions, RoomHandlers } from "./room.ts";
export { uuidv7 } from "./uuid.ts";
