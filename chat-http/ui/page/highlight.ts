/** The part of a text that a search has found, and the words in it that were looked for. */
import { folded } from "./text.ts";

export interface Piece {
  text: string;
  /** Whether it is what was looked for. */
  found: boolean;
}

/** About so many characters of a long text are shown. */
const SHOWN = 160;
/** So many of them stand before the first word that was found. */
const BEFORE = 40;

/**
 * What is shown of a message that was found: its text without marks, unless the words that were looked for are in its marks
 * alone, such as the address of a link.
 */
export function highlightPlain(plain: string, written: string, query: string): Piece[] {
  const [pieces, asWritten] = [highlight(plain, query), highlight(written, query)];
  return pieces.some(isFound) || !asWritten.some(isFound) ? pieces : asWritten;
}

const isFound = ({ found }: Piece): boolean => found;

/** The text in pieces, found words apart. Case, width and diacritics do not matter, as with the search itself. */
export function highlight(text: string, query: string): Piece[] {
  const { plain, origins } = fold(text);
  const marks = new Uint8Array(text.length);
  for (const word of words(query)) {
    for (let at = plain.indexOf(word); at >= 0; at = plain.indexOf(word, at + word.length)) {
      if (isWithinWord(plain, at)) continue;
      marks.fill(1, origins[at], origins[at + word.length]);
    }
  }
  return cut(text, marks);
}

/** Words begin where they are written with spaces; in other scripts they are found anywhere. */
function isWithinWord(text: string, at: number): boolean {
  const [before, first] = [text.slice(0, at).at(-1) ?? " ", text[at] ?? ""];
  return SPACED.test(before) && SPACED.test(first);
}

const SPACED = /^(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}])[\p{L}\p{N}]$/u;

/** The longest first, so that none hides a longer one. */
function words(query: string): string[] {
  const all = folded(query).match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

/** The text without what a search does not regard, and where in the text each part of it comes from. */
function fold(text: string): { plain: string; origins: number[] } {
  let plain = "";
  const origins: number[] = [];
  let at = 0;
  for (const letter of text) {
    const each = folded(letter);
    for (let index = 0; index < each.length; index += 1) origins.push(at);
    plain += each;
    at += letter.length;
  }
  origins.push(at);
  return { plain, origins };
}

/** The pieces around the first mark. */
function cut(text: string, marks: Uint8Array): Piece[] {
  const first = Math.max(0, marks.indexOf(1));
  let start = text.length <= SHOWN ? 0 : Math.max(0, first - BEFORE);
  // Not within a word, nor within a letter.
  while (start > 0 && /\S/.test(text[start - 1] ?? "") && first - start < 2 * BEFORE) start -= 1;
  if (/[\uDC00-\uDFFF]/.test(text[start] ?? "")) start -= 1;
  let end = Math.min(text.length, start + SHOWN);
  if (/[\uDC00-\uDFFF]/.test(text[end] ?? "")) end -= 1;
  const pieces: Piece[] = start > 0 ? [{ text: "…", found: false }] : [];
  for (let at = start; at < end; ) {
    let to = at + 1;
    while (to < end && marks[to] === marks[at]) to += 1;
    pieces.push({ text: text.slice(at, to), found: marks[at] === 1 });
    at = to;
  }
  if (end < text.length) pieces.push({ text: "…", found: false });
  return pieces;
}
