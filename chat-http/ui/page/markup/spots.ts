/**
 * Where a text mentions somebody. While its marks are looked for, each mention is one letter of those that belong to nobody,
 * so that a name may have stars and underscores.
 */
import type { MessageFields } from "../../client/src/index.ts";
import { cut, EVERYONE } from "../mentions.ts";

export interface Spot {
  name: string;
  isMe: boolean;
}

export interface Spotted {
  /** The text with a letter for each of the spots. */
  text: string;
  spots: Spot[];
}

const FIRST = 0xe000;
const MOST = 0x100;
const LETTER = /([\uE000-\uE0FF])/;

/** Finds those who are mentioned by any of their names. */
export function spotted(text: string, { mentions = [], mentions_room }: MessageFields, me: string, namesOf: (user: string) => readonly string[]): Spotted {
  const names = new Map<string, boolean>();
  for (const user of mentions) for (const name of namesOf(user)) names.set(name, user === me || names.get(name) === true);
  if (mentions_room) names.set(EVERYONE, true);
  if (names.size === 0 || LETTER.test(text)) return { text, spots: [] };
  const spots: Spot[] = [];
  const parts = cut(text, [...names.keys()]).map((piece) => {
    if (typeof piece === "string") return piece;
    if (spots.length === MOST) return `@${piece.name}`;
    spots.push({ name: piece.name, isMe: names.get(piece.name) === true });
    return String.fromCharCode(FIRST + spots.length - 1);
  });
  return { text: parts.join(""), spots };
}

/** A part of such a text, cut at its spots. */
export function atSpots(text: string, spots: readonly Spot[]): (string | Spot)[] {
  if (spots.length === 0) return [text];
  return text.split(LETTER).flatMap((piece) => (LETTER.test(piece) ? (spots[piece.charCodeAt(0) - FIRST] ?? piece) : piece === "" ? [] : piece));
}

/** A part of such a text, as it was written. */
export function unspotted(text: string, spots: readonly Spot[]): string {
  return atSpots(text, spots).map((piece) => (typeof piece === "string" ? piece : `@${piece.name}`)).join("");
}
