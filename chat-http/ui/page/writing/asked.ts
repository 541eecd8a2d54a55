/** What the word at the caret asks for: an emoji (`:smi`) or somebody (`@Ad`); and the text once one is chosen. */

export interface Asked {
  kind: "emoji" | "person";
  /** What was typed behind the sign. */
  query: string;
  /** Where the sign stands, and where the query ends. */
  from: number;
  to: number;
}

/** A text, and the caret in it. */
export interface Written {
  text: string;
  caret: number;
}

/** From so many letters on, shortcodes are offered: `:D` is a face already. */
const SHORT_CODE = /(?:^|[^\p{L}\p{N}:/]):([a-z0-9_+-]{2,30})$/iu;
const WHOLE_CODE = /(?:^|[^\p{L}\p{N}:/]):([a-z0-9_+-]{1,50}):$/iu;
/** Names have spaces: up to three of them are a part of the query, but not at its end. */
const PERSON = /(?:^|[^\p{L}\p{N}_.+/-])@((?:[^\s@]{1,64}(?: (?=[^\s@]))?){0,4})$/u;
/** No query is longer, wherever the caret is in however long a text. */
const LONGEST = 80;

export function askedAt({ text, caret }: Written): Asked | null {
  const before = text.slice(Math.max(0, caret - LONGEST), caret);
  const code = SHORT_CODE.exec(before)?.[1];
  if (code !== undefined) return { kind: "emoji", query: code, from: caret - code.length - 1, to: caret };
  const name = PERSON.exec(before)?.[1];
  return name === undefined ? null : { kind: "person", query: name, from: caret - name.length - 1, to: caret };
}

/** The text with what was chosen in the place of what was asked, and a space behind it. */
export function answered({ text }: Written, { from, to }: Asked, chosen: string): Written {
  const rest = text.slice(to);
  const isSpaced = /^\s/.test(rest);
  return { text: text.slice(0, from) + chosen + (isSpaced ? rest : ` ${rest}`), caret: from + chosen.length + 1 };
}

/** The text with an emoji in the place of the shortcode that has just been closed; null if there is none. */
export function withEmoji({ text, caret }: Written, emojiOf: (code: string) => string | undefined): Written | null {
  const code = WHOLE_CODE.exec(text.slice(Math.max(0, caret - LONGEST), caret))?.[1];
  const emoji = code === undefined ? undefined : emojiOf(code);
  if (code === undefined || emoji === undefined) return null;
  const from = caret - code.length - 2;
  return { text: text.slice(0, from) + emoji + text.slice(caret), caret: from + emoji.length };
}
