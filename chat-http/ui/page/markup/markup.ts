/** The marks in texts: found once for each text, by a parser that is loaded when the first text may have some. */
import { file } from "../files.ts";
import { Model } from "../model.ts";
import { mayHaveMarks, type Node, type Parser } from "./tree.ts";

/** So many texts are remembered, those that were shown last. */
const MOST = 400;
/** A file that did not come is asked for again, at the earliest after this long. */
const AGAIN_MS = 30_000;

export class Markup extends Model {
  readonly #load: () => Promise<Parser>;
  readonly #known = new Map<string, readonly Node[] | null>();
  #parser: Parser | undefined;
  #askedAt = -AGAIN_MS;

  constructor(load: () => Promise<Parser>) {
    super();
    this.#load = load;
  }

  /** The tree of a text; null where it has no marks, or none are known yet. */
  of(text: string): readonly Node[] | null {
    if (!mayHaveMarks(text)) return null;
    if (!this.#parser) {
      void this.#ask();
      return null;
    }
    const known = this.#known.get(text);
    const nodes = known === undefined ? this.#parse(this.#parser, text) : known;
    this.#known.delete(text);
    this.#known.set(text, nodes);
    const oldest = this.#known.keys().next();
    if (this.#known.size > MOST && oldest.done !== true) this.#known.delete(oldest.value);
    return nodes;
  }

  #parse(parser: Parser, text: string): readonly Node[] | null {
    try {
      const nodes = parser.parse(text);
      return nodes?.some((node) => typeof node !== "string") ? nodes : null;
    } catch {
      // Then it is a text like any other.
      return null;
    }
  }

  async #ask(): Promise<void> {
    const now = performance.now();
    if (now - this.#askedAt < AGAIN_MS) return;
    this.#askedAt = now;
    try {
      this.#parser = await this.#load();
      this.changed();
    } catch {
      // Without it, texts are shown as they were written.
    }
  }
}

export const markup = new Markup(() => import(file("markup.js").href) as Promise<Parser>);
