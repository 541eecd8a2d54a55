/** Long texts show their beginning. */

const MOST_LINES = 20;
const MOST_CHARACTERS = 1_500;
/** What is shown of them: less than what is shown whole, so that unfolding is worth it. */
const LINES = 12;
const CHARACTERS = 1_000;

/** The beginning of a long text; null if it is shown whole. */
export function beginning(text: string): string | null {
  if (text.length <= MOST_CHARACTERS && lineEnd(text, MOST_LINES) === text.length) return null;
  const end = Math.min(lineEnd(text, LINES), CHARACTERS);
  return text.slice(0, end < CHARACTERS ? end : wordEnd(text, end)).trimEnd();
}

/** Where so many lines end. */
function lineEnd(text: string, lines: number): number {
  let end = -1;
  for (let line = 0; line < lines; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) return text.length;
  }
  return end;
}

/** The end of the last word before this place, if one is near; never within a letter. */
function wordEnd(text: string, end: number): number {
  const space = text.slice(end - 60, end).search(/\s\S*$/);
  if (space >= 0) return end - 60 + space;
  return /[\uD800-\uDBFF]/.test(text[end - 1] ?? "") ? end - 1 : end;
}
