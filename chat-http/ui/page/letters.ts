/**
 * Messages that are not sent yet, as this browser keeps them: each by itself and by whose it is, so that tabs do not
 * overwrite each other's.
 */
import type { SendOptions } from "../client/src/index.ts";
import { forgotten, remember, remembered, rememberedKeys } from "./storage.ts";

/** What a message may have besides its text. */
export type LetterFields = Omit<SendOptions, "key" | "signal">;

export interface Letter {
  key: string;
  room: number;
  text: string;
  /** What it has besides its text. */
  fields: LetterFields;
  at: number;
  /** The tab that sends it; null if that was closed. */
  tab: string | null;
  /** Whether it was on its way to the server: it may be stored there, under this user. */
  tried?: boolean;
  /** Why it will not be sent by itself any more. */
  failed?: string;
  /** Its number, once it is stored. */
  seq?: number;
}

const KEY = /^[0-9a-f-]{36}$/;

/** The letters of an owner (`ownerOf`), the oldest first. */
export function storedLetters(owner: string): Letter[] {
  const keys = rememberedKeys("local", prefix(owner)).filter((key) => KEY.test(key.slice(prefix(owner).length)));
  const letters = keys.flatMap((key) => asLetter(remembered<unknown>("local", key, null)) ?? []);
  return letters.sort((one, other) => (one.key < other.key ? -1 : 1));
}

export function storedLetter(owner: string, key: string): Letter | null {
  return asLetter(remembered<unknown>("local", prefix(owner) + key, null));
}

export function storeLetter(owner: string, letter: Letter): void {
  remember("local", prefix(owner) + letter.key, letter);
}

export function forgetLetter(owner: string, key: string): void {
  forgotten("local", prefix(owner) + key);
}

/** Whether a change of the storage concerns the letters of this owner. */
export function isLetter(owner: string, storageKey: string | null): boolean {
  return storageKey?.startsWith(prefix(owner)) === true;
}

/** Somebody goes by another name: what is certain not to have been sent goes along. */
export function carryLetters(from: string, to: string): void {
  for (const letter of storedLetters(from)) {
    if (letter.tried === true) continue;
    storeLetter(to, { ...letter, tab: null });
    forgetLetter(from, letter.key);
  }
}

/** What is stored as a letter, if it is one. */
function asLetter(stored: unknown): Letter | null {
  const { key, room, text, at } = (stored ?? {}) as Partial<Letter>;
  if (typeof key !== "string" || typeof text !== "string" || !Number.isSafeInteger(room) || !isTime(at)) return null;
  return { ...(stored as Letter), fields: asFields((stored as Partial<Letter>).fields) };
}

/** The fields of a stored letter; pages of earlier versions stored none. */
function asFields(stored: unknown): LetterFields {
  const { mentions, mentions_room, reply_to, thread } = (stored ?? {}) as Partial<Record<string, unknown>>;
  return {
    ...(isSeq(reply_to) && { reply_to }),
    ...(isSeq(thread) && { thread }),
    ...(Array.isArray(mentions) && mentions.every((user) => typeof user === "string") && { mentions }),
    ...(mentions_room === true && { mentions_room }),
  };
}

function prefix(owner: string): string {
  return `${owner} outbox.`;
}

/** Whether it is a time that can be shown: there are numbers beyond all of them. */
function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(new Date(value).getTime());
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
