/** Formats times, names and errors for people. */
import { serverNow } from "./clock.ts";
import { formats, list, t, type PlainText } from "./language.ts";

export function time(at: number): string {
  return formats().time.format(at);
}

export function exactTime(at: number): string {
  return formats().exact.format(at);
}

/** `5 sec`, or what is short in the language. */
export function seconds(count: number): string {
  return formats().seconds.format(count);
}

export function sameDay(one: number, other: number): boolean {
  return midnight(one) === midnight(other);
}

/** `Today`, `Yesterday`, `Monday`, `Monday, 3 November`, `3 November 2024`. */
export function day(at: number, now = serverNow()): string {
  const ago = daysAgo(at, now);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  if (ago > 1 && ago < 7) return formats().weekday.format(at);
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? formats().day.format(at) : formats().dayAndYear.format(at);
}

export function fullDay(at: number): string {
  return formats().dayAndYear.format(at);
}

/** For lists: `14:05`, `Yesterday`, `Monday`, `3 Nov`. */
export function lately(at: number, now = serverNow()): string {
  const ago = daysAgo(at, now);
  if (ago === 0) return time(at);
  if (ago === 1) return t("yesterday");
  return ago > 1 && ago < 7 ? formats().weekday.format(at) : formats().shortDay.format(at);
}

/** `Ann is typing`, up to three names; of more, two and how many others. `unnamed` are typing besides. */
export function typing(names: string[], unnamed = 0): string {
  const count = names.length + unnamed;
  if (count === 0) return "";
  if (count === names.length && count <= 3) return t("typing", { names: list(names), count });
  const named = names.slice(0, 2);
  if (named.length === 0) return t("unnamedTyping", { count });
  return t("typing", { names: list([...named, t("unnamed", { count: count - named.length })]), count });
}

/** The order of names as people expect it: 2 before 10. */
export function naturally(one: string, other: string): number {
  return formats().collator.compare(one, other);
}

const REFUSALS: Readonly<Record<string, PlainText>> = {
  name_taken: "refusedRoomNameTaken",
  empty_message: "refusedEmpty",
  too_long: "refusedTooLong",
  room_not_found: "refusedRoomGone",
  banned: "refusedBanned",
  muted: "refusedMuted",
  removed: "refusedRemoved",
  private: "refusedPrivate",
  left: "refusedLeft",
  members_elsewhere: "refusedMembersElsewhere",
  last_owner: "refusedLastOwner",
  forbidden: "refusedForbidden",
  unauthenticated: "refusedForbidden",
  rate_limited: "refusedTooFast",
  too_many: "refusedTooFast",
  storage_full: "refusedNoSpace",
  idempotency_mismatch: "refusedOtherWords",
  offline: "refusedOffline",
};
const INVALID_FIELDS: Readonly<Record<string, PlainText>> = { name: "refusedRoomName", username: "refusedUsername", topic: "refusedTopic" };

/** What a refusal means to the person who reads it. */
export function refusal(code: string, field = ""): string {
  if (code === "foreign_page") return t("refusedForeignPage", { origin: location.origin, option: `--allowed-origin ${location.origin}` });
  if (code === "invalid_field") return t(INVALID_FIELDS[field] ?? "refusedCharacters");
  return t(REFUSALS[code] ?? "refusedUnknown");
}

/** What a closed door means: the close codes that say "stay away". */
export function closed(status: number): { title: string; advice: string } {
  switch (status) {
    case 4401:
      return { title: t("nameRefused"), advice: t("nameRefusedHelp") };
    case 4403:
      return { title: t("notLetIn"), advice: t("notLetInHelp") };
    case 4409:
      return { title: t("tooManyWindows"), advice: t("tooManyWindowsHelp") };
    default:
      return { title: t("connectionEnded"), advice: t("connectionEndedHelp") };
  }
}

function daysAgo(at: number, now: number): number {
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
