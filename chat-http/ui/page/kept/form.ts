/**
 * Rooms and the list of them as texts, which the browser keeps, and back. Whatever is read may have been written by another
 * version of the page, or be damaged: it is nothing, then.
 */
import type { MessageState } from "../../client/src/index.ts";
import type { History, Room } from "../api.ts";
import { Timeline } from "../timeline.ts";

export interface KeptRoom {
  info: Room;
  timeline: Timeline;
}

/** The list of rooms, and which of them are one's own. */
export interface KeptList {
  rooms: readonly Room[];
  own: readonly number[];
}

/** So many of the newest messages of a room are written, as far as they are not longer than this, all in all. */
const MESSAGES = 100;
const LONGEST = 200_000;
/** So many rooms are kept, as far as they are not longer than this, all in all. */
export const ROOMS = 20;
const LONGEST_OF_ALL = 2_000_000;

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => Number.isFinite(value);
const isTime: Check = (value) => isText(value) && Number.isFinite(Date.parse(value as string));
const isSeq: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isList = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);

/** What a message needs to be shown… */
const NEEDED: Readonly<Record<string, Check>> = { seq: isSeq, user: isText, username: isText, content: isText, timestamp: isTime };
/** …and what it may have besides. All else is the server's to say again. */
const OPTIONAL: { readonly [Field in keyof MessageState]?: Check } = {
  room: isSeq,
  id: isSeq,
  key: isText,
  reply_to: isSeq,
  thread_count: isNumber,
  thread_last: isNumber,
  mentions: isList(isText),
  mentions_room: (value) => value === true,
  erased: (value) => value === true,
  pinned: (value) => value === true,
  edited: (value) => isRecord(value) && isTime(value["timestamp"]),
  deleted: isRecord,
  reactions: isList((value) => isRecord(value) && isText(value["reaction"]) && isNumber(value["count"])),
};

/** The newest messages of a room, and what it is. */
export function writtenRoom({ info, timeline }: KeptRoom, at: number): string {
  const stored = timeline.items.flatMap((item) => item.stored ?? []);
  const messages: MessageState[] = [];
  for (let index = stored.length - 1, length = 0; index >= 0 && messages.length < MESSAGES; index--) {
    const message = stored[index] as MessageState;
    length += JSON.stringify(message).length;
    if (length > LONGEST) break;
    messages.unshift(message);
  }
  const { epoch, end: head, hasBefore, hasAfter } = timeline;
  const page = { epoch, head, messages, has_after: hasAfter, has_before: hasBefore || messages.length < stored.length };
  return JSON.stringify({ at, info, page });
}

/** The room as this user sees it. */
export function readRoom(text: string, me: string): KeptRoom | null {
  const { info, page } = (parsed(text) ?? {}) as Partial<{ info: Room; page: Partial<History> }>;
  const { epoch, head, messages } = page ?? {};
  if (!isRoom(info) || typeof epoch !== "string" || typeof head !== "number" || !Number.isSafeInteger(head) || !Array.isArray(messages)) return null;
  const read = messages.map(asMessage);
  if (read.some((message, place) => message === null || message.seq <= (read[place - 1]?.seq ?? 0))) return null;
  const timeline = new Timeline(info.id, me);
  timeline.reset({ epoch, head, messages: read as MessageState[], has_before: page?.has_before === true, has_after: page?.has_after === true });
  return { info, timeline };
}

export function writtenList(list: KeptList): string {
  return JSON.stringify(list);
}

export function readList(text: string): KeptList {
  const { rooms, own } = (parsed(text) ?? {}) as Partial<KeptList>;
  return { rooms: Array.isArray(rooms) ? rooms.filter(isRoom) : [], own: Array.isArray(own) ? own.filter(Number.isSafeInteger) : [] };
}

/** When a room was written; 0 if nobody knows. */
export function writtenAt(text: string): number {
  const at = (parsed(text) as { at?: unknown } | null)?.at;
  return Number.isFinite(at) ? (at as number) : 0;
}

/** Which rooms are too many: those that were written longest ago. */
export function tooMany(rooms: ReadonlyMap<number, { at: number; length: number }>): number[] {
  const newest = [...rooms].sort(([, one], [, other]) => other.at - one.at);
  let length = 0;
  return newest.flatMap(([room, each], place) => {
    length += each.length;
    return place >= ROOMS || length > LONGEST_OF_ALL ? room : [];
  });
}

function asMessage(value: unknown): MessageState | null {
  if (!isRecord(value) || !Object.entries(NEEDED).every(([field, isIt]) => isIt(value[field]))) return null;
  const fields = Object.entries({ ...NEEDED, ...OPTIONAL }).filter(([field, isIt]) => field in value && isIt(value[field]));
  return { type: "message", ...Object.fromEntries(fields.map(([field]) => [field, value[field]])) } as MessageState;
}

function isRoom(room: unknown): room is Room {
  const { id, name, topic, kind, created_at, last_message_at, head, online } = (room ?? {}) as Partial<Room>;
  return Number.isSafeInteger(id) && [name, topic, kind].every(isText) && [created_at, last_message_at ?? created_at].every(isTime) && [head, online].every(isNumber);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
