/**
 * Rooms and the list of them as texts, which the browser keeps, and back. Whatever is read may have been written by another
 * version of the page, or be damaged: it is nothing, then.
 */
import type { Room } from "../api.ts";
import { Timeline, type Item } from "../timeline.ts";

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

const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isBoolean = (value: unknown): boolean => typeof value === "boolean";

/** What each field of an item has to be. One that is new has its place here, and says whether it may be missing. */
const FIELDS: { readonly [Field in keyof Required<Item>]: (value: unknown) => boolean } = {
  id: isText,
  kind: (value) => value === "message",
  seq: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  user: isText,
  username: isText,
  text: isText,
  deleted: isBoolean,
  at: isNumber,
  height: isNumber,
  guess: isNumber,
  fresh: isBoolean,
  failed: (value) => value === undefined,
};

/** The newest messages of a room, and what it is. */
export function writtenRoom({ info, timeline }: KeptRoom, at: number): string {
  const messages = timeline.items.filter(({ kind, seq }) => kind === "message" && seq > 0);
  const items: Item[] = [];
  for (let index = messages.length - 1, length = 0; index >= 0 && items.length < MESSAGES; index--) {
    const item = { ...(messages[index] as Item), height: 0, guess: 0, fresh: false };
    length += JSON.stringify(item).length;
    if (length > LONGEST) break;
    items.unshift(item);
  }
  const { epoch, end, hasBefore, hasAfter } = timeline;
  return JSON.stringify({ at, info, epoch, end, items, hasAfter, hasBefore: hasBefore || items.length < messages.length });
}

export function readRoom(text: string): KeptRoom | null {
  const kept = parsed(text) as Partial<{ info: Room; epoch: string; end: number; items: Item[]; hasBefore: boolean; hasAfter: boolean }> | null;
  const { info, epoch, end, items } = kept ?? {};
  if (!isRoom(info) || typeof epoch !== "string" || !Number.isSafeInteger(end) || !Array.isArray(items) || !items.every(isItem)) return null;
  if (items.some((item, place) => item.seq <= (items[place - 1]?.seq ?? 0))) return null;
  const timeline = new Timeline();
  Object.assign(timeline, { epoch, end, items, hasBefore: kept?.hasBefore === true, hasAfter: kept?.hasAfter === true });
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

function isItem(item: unknown): item is Item {
  if (typeof item !== "object" || item === null) return false;
  return Object.entries(FIELDS).every(([field, isIt]) => isIt((item as Record<string, unknown>)[field]));
}

function isRoom(room: unknown): room is Room {
  const { id, name, topic, kind, created_at, head, online } = (room ?? {}) as Partial<Room>;
  return Number.isSafeInteger(id) && [name, topic, kind, created_at].every(isText) && [head, online].every(isNumber);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
