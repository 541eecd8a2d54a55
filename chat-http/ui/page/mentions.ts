/** Who is mentioned: whom a query finds, whom a text names, and where a text names them. */
import type { Identity, MessageFields } from "../client/src/index.ts";
import { naturally } from "./format.ts";
import { folded } from "./text.ts";

/** Mentions everyone in the room. It is the same in all languages, as other programs write it. */
export const EVERYONE = "everyone";
/** As many as the server takes. */
const MOST = 50;

/** The people whose names fit: first those that begin with it, then those with a word that does. */
export function candidates(query: string, people: readonly Identity[], most: number): Identity[] {
  const wanted = folded(query);
  const ranked = [...new Map(people.map((person) => [person.user, person])).values()].map((person) => ({ person, rank: rank(folded(person.username), wanted) }));
  const found = ranked.filter(({ rank }) => rank < 2).sort((one, other) => one.rank - other.rank || naturally(one.person.username, other.person.username));
  return found.slice(0, most).map(({ person }) => person);
}

function rank(name: string, wanted: string): number {
  if (name.startsWith(wanted)) return 0;
  return name.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(wanted)) ? 1 : 2;
}

/** Whom a text mentions: those who were chosen, else whoever alone has the name. */
export function mentionsIn(text: string, chosen: readonly Identity[], people: readonly Identity[], isForTwo: boolean): MessageFields {
  const named = new Map(alone(people).map((person) => [person.username, person.user]));
  for (const { user, username } of chosen) named.set(username, user);
  const found = cut(text, [...named.keys(), ...(isForTwo ? [] : [EVERYONE])]).flatMap((piece) => (typeof piece === "string" ? [] : [piece.name]));
  const mentions = [...new Set(found.flatMap((name) => named.get(name) ?? []))].slice(0, MOST);
  return {
    ...(mentions.length > 0 && { mentions }),
    ...(!isForTwo && !named.has(EVERYONE) && found.includes(EVERYONE) && { mentions_room: true }),
  };
}

/** Those whose names nobody else has. */
function alone(people: readonly Identity[]): Identity[] {
  const users = new Map<string, Set<string>>();
  for (const { user, username } of people) users.set(username, (users.get(username) ?? new Set()).add(user));
  return people.filter(({ username }) => users.get(username)?.size === 1);
}

/** Cuts a text at `@` and one of these names, the longest that fits. */
export function cut(text: string, names: readonly string[]): (string | { name: string })[] {
  const longestFirst = [...names].sort((one, other) => other.length - one.length);
  const found: (string | { name: string })[] = [];
  let end = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (at < end || /[\p{L}\p{N}_.+/-]$/u.test(text.slice(Math.max(0, at - 2), at))) continue;
    const name = longestFirst.find((each) => each !== "" && text.startsWith(each, at + 1) && !/^[\p{L}\p{N}\p{M}_]/u.test(text.slice(at + 1 + each.length, at + 3 + each.length)));
    if (name === undefined) continue;
    if (at > end) found.push(text.slice(end, at));
    found.push({ name });
    end = at + 1 + name.length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}
