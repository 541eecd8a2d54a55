/** What a message's text is shown as: words, and links that are safe to offer. Text is never HTML. */
import { shownHost } from "./host.ts";

export type Piece = string | { href: string; text: string };

/** Each part is bounded or cannot be read in two ways, so that a text is gone through once, whatever stands in it. */
const LINK = new RegExp(
  ["(?:https?://|mailto:)[^STOP]+", "\\bwww\\.[^STOP]+", "\\b[0-9a-z_.+-]{1,64}@[0-9a-z_-]{1,63}(?:\\.[0-9a-z_-]{2,63}){1,4}"]
    .join("|")
    .replaceAll("STOP", "\\s<>\"`\\u202A-\\u202E\\u2066-\\u2069"),
  "gi",
);
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
/** No host is longer (RFC 1035). */
const LONGEST_HOST = 253;

/** Cuts a text into plain pieces and links. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const written = withoutTail(match[0]);
    const link = target(written);
    if (link === null) continue;
    if (match.index > end) found.push(text.slice(end, match.index));
    found.push(link);
    end = match.index + written.length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

/** Where a link leads and how it is shown, or null when it is none that may be followed. */
function target(written: string): { href: string; text: string } | null {
  const [before, host, after] = cut(written);
  if (host.length > LONGEST_HOST) return null;
  const isMail = before.endsWith("@") || /^mailto:/i.test(written);
  try {
    const url = new URL(/^[a-z]+:/i.test(before) ? written : `${isMail ? "mailto:" : "https://"}${written}`);
    // `https://bank.example@evil.example` only looks like a link to the bank.
    const disguised = url.username !== "" || url.password !== "";
    if (!SCHEMES.has(url.protocol) || disguised) return null;
    const ascii = isMail ? new URL(`https://${host || "host.invalid"}`).hostname : url.hostname;
    return { href: url.href, text: before + shownHost(host, ascii) + after };
  } catch {
    return null;
  }
}

/**
 * Where a link with words of its own leads, and to whom, or null when it may not be followed: words that name another
 * place are a trap.
 */
export function namedLink(words: string, url: string): { href: string; host: string } | null {
  const link = /^(?:https?:\/\/|mailto:)/i.test(url) && !/[\s\p{Cc}\p{Cf}]/u.test(url) ? target(url) : null;
  if (link === null) return null;
  const host = hostOf(link.href);
  const others = pieces(words).filter((piece) => typeof piece !== "string" && hostOf(piece.href) !== host);
  return others.length > 0 ? null : { href: link.href, host };
}

/** The host of a link, or the address that mail is for. */
function hostOf(href: string): string {
  const { protocol, hostname, pathname } = new URL(href);
  return protocol === "mailto:" ? pathname : hostname;
}

/** What stands before the host of a link, the host, and what stands behind it. */
function cut(link: string): [string, string, string] {
  const start = /^(?:https?:\/\/|mailto:)/i.exec(link)?.[0].length ?? 0;
  const found = link.slice(start).search(/[/\\?#]/);
  const authority = found < 0 ? link.length : start + found;
  const name = link.lastIndexOf("@", authority - 1);
  const from = name < start ? start : name + 1;
  const port = link.indexOf(":", from);
  const to = port < 0 || port > authority ? authority : port;
  return [link.slice(0, from), link.slice(from, to), link.slice(to)];
}

/** The full stop after a link belongs to the sentence, and so does a bracket that was not opened in the link. */
function withoutTail(link: string): string {
  const open = new Map<string, number>();
  for (const letter of link) {
    const [bracket, step] = BRACKETS[letter] ?? ["", 0];
    if (step !== 0) open.set(bracket, (open.get(bracket) ?? 0) + step);
  }
  let end = link.length;
  for (; end > 0; end -= 1) {
    const last = link[end - 1] as string;
    const [bracket, step] = BRACKETS[last] ?? ["", 0];
    if (step < 0) {
      const still = open.get(bracket) ?? 0;
      if (still >= 0) break;
      open.set(bracket, still + 1);
    } else if (!/[.,;:!?'*_~…»”’]/u.test(last)) {
      break;
    }
  }
  return link.slice(0, end);
}

/** Which kind a bracket is of, and whether it opens or closes. */
const BRACKETS: Record<string, [string, 1 | -1] | undefined> = {
  "(": ["(", 1],
  ")": ["(", -1],
  "[": ["[", 1],
  "]": ["[", -1],
  "{": ["{", 1],
  "}": ["{", -1],
};

const EMOJI = "\\p{Regional_Indicator}{2}|[0-9#*]\\uFE0F?\\u20E3|\\p{Extended_Pictographic}(?:\\uFE0F|\\p{Emoji_Modifier}|\\u200D\\p{Extended_Pictographic})*";
const ONLY_EMOJI = new RegExp(`^(?:${EMOJI}|\\s)+$`, "u");
const EACH_EMOJI = new RegExp(EMOJI, "gu");

/** Whether a text is one to six emoji and nothing else: they are shown big. */
export function isBigEmoji(text: string): boolean {
  if (text.length > 80 || !ONLY_EMOJI.test(text)) return false;
  return (text.match(EACH_EMOJI)?.length ?? 0) <= 6;
}

/** A text as searches compare it: without case, width and diacritics. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** How many characters the server counts in a text. */
export function characters(text: string): number {
  let sum = 0;
  for (const _ of text) sum += 1;
  return sum;
}
