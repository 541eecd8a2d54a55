/** What the quick switcher offers: rooms and people whose names fit what was typed. */
import type { Identity } from "../client/src/index.ts";
import type { Room } from "./api.ts";
import { folded } from "./text.ts";
import { roomName } from "./title.tsx";

export type Choice = { id: string; kind: "room"; room: Room } | { id: string; kind: "person"; person: Identity };

/** No more are looked at without typing on. */
const MOST = 12;

/**
 * Those that fit: first names that begin with it, then those with a word that does, then those with it anywhere; each in the
 * order that they came in. Whoever has a room of two already is found by that.
 */
export function choices(query: string, rooms: Room[], people: Identity[]): Choice[] {
  const all = new Map<string, Choice>();
  const known = new Set(rooms.filter(({ kind }) => kind === "direct").map(({ peer }) => peer?.user));
  for (const room of rooms) all.set(`room ${room.id}`, { id: `room ${room.id}`, kind: "room", room });
  for (const person of people) if (!known.has(person.user)) all.set(`person ${person.user}`, { id: `person ${person.user}`, kind: "person", person });
  const wanted = folded(query.trim());
  const ranked = [...all.values()].map((choice) => ({ choice, rank: rank(folded(nameOf(choice).trim()), wanted) }));
  return ranked
    .filter(({ rank }) => rank < NO_RANK)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, MOST)
    .map(({ choice }) => choice);
}

const NO_RANK = 3;

function rank(name: string, wanted: string): number {
  const at = name.indexOf(wanted);
  if (at <= 0) return at === 0 ? 0 : NO_RANK;
  return name.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(wanted)) ? 1 : 2;
}

function nameOf(choice: Choice): string {
  return choice.kind === "room" ? roomName(choice.room) : choice.person.username;
}
