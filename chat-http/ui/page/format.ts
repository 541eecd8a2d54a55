/** Formats times, names, counts and errors for people. */

const LOCALE = globalThis.navigator?.language.startsWith("en") ? navigator.language : "en-GB";
const TIME = new Intl.DateTimeFormat(LOCALE, { hour: "numeric", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat(LOCALE, { weekday: "long" });
const DAY = new Intl.DateTimeFormat(LOCALE, { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const EXACT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "medium" });
const NUMBER = new Intl.NumberFormat(LOCALE);

export function time(at: number): string {
  return TIME.format(at);
}

export function exactTime(at: number): string {
  return EXACT.format(at);
}

export function number(count: number): string {
  return NUMBER.format(count);
}

export function sameDay(one: number, other: number): boolean {
  return midnight(one) === midnight(other);
}

/** `Today`, `Yesterday`, `Monday`, `Monday, 3 November`, `3 November 2024`. */
export function day(at: number, now = Date.now()): string {
  const ago = daysAgo(at, now);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago > 1 && ago < 7) return WEEKDAY.format(at);
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? DAY.format(at) : DAY_AND_YEAR.format(at);
}

export function fullDay(at: number): string {
  return DAY_AND_YEAR.format(at);
}

/** For lists: `14:05`, `Yesterday`, `Monday`, `3 Nov`. */
export function lately(at: number, now = Date.now()): string {
  const ago = daysAgo(at, now);
  if (ago === 0) return time(at);
  if (ago === 1) return "Yesterday";
  return ago > 1 && ago < 7 ? WEEKDAY.format(at) : SHORT_DAY.format(at);
}

/** `Ann is typing`, up to three names; of more, two and how many others. `unnamed` are typing besides. */
export function typing(names: string[], unnamed = 0): string {
  const count = names.length + unnamed;
  if (count === 0) return "";
  if (count === names.length && count <= 3) return `${list(names)} ${count === 1 ? "is" : "are"} typing`;
  const named = names.slice(0, 2);
  if (named.length === 0) return `${plural(count, "other is", "others are")} typing`;
  return `${list([...named, plural(count - named.length, "other", "others")])} are typing`;
}

/** `Ann`, `Ann and Bob`, `Ann, Bob and Cem`. */
export function list(names: string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

export function plural(count: number, one: string, many: string): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** What a refusal means to the person who reads it. */
export function refusal(code: string, field?: string): string {
  switch (code) {
    case "name_taken":
      return "There is a room of that name already.";
    case "empty_message":
      return "There is nothing in it.";
    case "too_long":
      return "It is too long.";
    case "invalid_field":
      if (field === "name") return "That name cannot be used: 1 to 100 characters, none of them invisible.";
      if (field === "username") return "That name cannot be used: 1 to 64 characters, none of them invisible.";
      if (field === "topic") return "That topic cannot be used: at most 1,024 characters, none of them for control.";
      return "It has characters that cannot be sent.";
    case "room_not_found":
      return "The room is not there any more.";
    case "banned":
      return "You are banned from this room.";
    case "muted":
      return "You may only read in this room.";
    case "removed":
      return "Somebody has removed you from it.";
    case "private":
      return "It is private now, and you are not in it.";
    case "left":
      return "You have left it.";
    case "members_elsewhere":
      return "Who is in rooms is decided by the app that this chat belongs to, not here.";
    case "last_owner":
      return "The room needs an owner as long as others are in.";
    case "forbidden":
    case "unauthenticated":
      return "You are not allowed to do that.";
    case "rate_limited":
    case "too_many":
      return "That was a little fast. Wait a moment and try again.";
    case "storage_full":
      return "The server has no space left. Its operator has to look after it.";
    case "idempotency_mismatch":
      return "It had been sent before with other words.";
    case "foreign_page":
      return `The chat server does not let pages of ${location.origin} in. Its operator can: --allowed-origin ${location.origin}.`;
    case "offline":
      return "The server cannot be reached right now.";
    default:
      return "The server could not do it just now. Try again in a moment.";
  }
}

/** What a closed door means: the close codes that say "stay away". */
export function closed(status: number): { title: string; advice: string } {
  switch (status) {
    case 4401:
      return { title: "Your name was not accepted", advice: "Choose another one to go on." };
    case 4403:
      return { title: "You are not let in any more", advice: "Ask whoever runs this server." };
    case 4409:
      return { title: "You have too many windows open", advice: "Close one of the others, then try again." };
    default:
      return { title: "The server ended the connection", advice: "Reloading the page usually helps." };
  }
}

function daysAgo(at: number, now: number): number {
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
