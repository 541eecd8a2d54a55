/** What a message's text is shown as: words, and links that are safe to offer. Text is never HTML. */

export type Piece = string | { href: string; text: string };

const LINK = /(?:https?:\/\/|mailto:)[^\s<>"`]+|\bwww\.[^\s<>"`]+|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}/giu;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** Cuts a text into plain pieces and links. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = withoutTail(match[0]);
    const href = target(shown);
    if (href === null) continue;
    if (match.index > end) found.push(text.slice(end, match.index));
    found.push({ href, text: shown });
    end = match.index + shown.length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

/** Where a link leads, or null when it is none that may be followed. */
function target(shown: string): string | null {
  const whole = /^(?:https?:|mailto:)/i.test(shown) ? shown : shown.includes("@") && !/^www\./i.test(shown) ? `mailto:${shown}` : `https://${shown}`;
  try {
    const url = new URL(whole);
    // `https://bank.example@evil.example` only looks like a link to the bank.
    const disguised = url.username !== "" || url.password !== "";
    return SCHEMES.has(url.protocol) && !disguised ? url.href : null;
  } catch {
    return null;
  }
}

/** The full stop after a link belongs to the sentence, and so does a bracket that was not opened in the link. */
function withoutTail(link: string): string {
  let end = link.length;
  while (end > 0) {
    const last = link[end - 1] as string;
    const open = last === ")" ? "(" : last === "]" ? "[" : last === "}" ? "{" : null;
    if (open !== null) {
      const inside = link.slice(0, end);
      if (count(inside, open) >= count(inside, last)) break;
    } else if (!/[.,;:!?'*_~…»”’]/u.test(last)) {
      break;
    }
    end -= 1;
  }
  return link.slice(0, end);
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

const EMOJI = "\\p{Regional_Indicator}{2}|[0-9#*]\\uFE0F?\\u20E3|\\p{Extended_Pictographic}(?:\\uFE0F|\\p{Emoji_Modifier}|\\u200D\\p{Extended_Pictographic})*";
const ONLY_EMOJI = new RegExp(`^(?:${EMOJI}|\\s)+$`, "u");
const EACH_EMOJI = new RegExp(EMOJI, "gu");

/** Whether a text is one to six emoji and nothing else: they are shown big. */
export function isBigEmoji(text: string): boolean {
  if (text.length > 80 || !ONLY_EMOJI.test(text)) return false;
  return (text.match(EACH_EMOJI)?.length ?? 0) <= 6;
}

/** How many characters the server counts in a text. */
export function characters(text: string): number {
  let sum = 0;
  for (const _ of text) sum += 1;
  return sum;
}
