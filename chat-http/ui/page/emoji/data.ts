/** The emoji that there are, with their names: a file that is loaded when somebody looks for one. */
import { file } from "../files.ts";
import { Model } from "../model.ts";
import { folded } from "../text.ts";

/** The emoji, its shortcodes (the first is its name), and further English words for it. */
export type Emoji = readonly [emoji: string, codes: string, words: string];
/** In the order of `GROUPS`. */
export type Groups = readonly (readonly Emoji[])[];

export class EmojiData extends Model {
  readonly #load: () => Promise<Groups>;
  #groups: Groups = [];
  #byCode = new Map<string, string>();
  #isAsked = false;

  constructor(load: () => Promise<Groups>) {
    super();
    this.#load = load;
  }

  /** Empty until they are loaded. */
  get groups(): Groups {
    return this.#groups;
  }

  async need(): Promise<void> {
    if (this.#isAsked) return;
    this.#isAsked = true;
    try {
      this.#groups = await this.#load();
      for (const [emoji, codes] of this.#groups.flat()) for (const code of codes.split(" ")) if (!this.#byCode.has(code)) this.#byCode.set(code, emoji);
      this.changed();
    } catch {
      // Whoever needs them next asks again.
      this.#isAsked = false;
    }
  }

  /** The emoji with this shortcode. */
  withCode(code: string): string | undefined {
    return this.#byCode.get(code.toLowerCase());
  }

  /** What is called like this, the best first: by the beginning of a shortcode, then of another word, then within one. */
  find(query: string, most: number): Emoji[] {
    const wanted = folded(query.trim()).replaceAll(" ", "_");
    if (wanted === "") return [];
    const ranked = this.#groups.flat().map((each) => ({ each, rank: rank(each, wanted) }));
    const found = ranked.filter(({ rank }) => rank < NONE).sort((one, other) => one.rank - other.rank);
    return found.slice(0, most).map(({ each }) => each);
  }
}

const NONE = 5;

function rank([, codes, words]: Emoji, wanted: string): number {
  const names = codes.split(" ");
  if (names.includes(wanted)) return 0;
  if (names.some((name) => name.startsWith(wanted))) return 1;
  if (words.split(" ").some((word) => word.startsWith(wanted))) return 2;
  if (words.replaceAll(" ", "_").includes(wanted)) return 3;
  return codes.includes(wanted) ? 4 : NONE;
}

export const emojiData = new EmojiData(async () => {
  const answer = await fetch(file("emoji.json"), { credentials: "omit" });
  if (!answer.ok) throw new Error();
  return (await answer.json()) as Groups;
});
