/** What was being written in each room and thread: kept in this browser, and followed by tabs that nobody writes in. */
import { Model } from "./model.ts";
import { forgotten, remember, remembered, rememberedKeys } from "./storage.ts";

/** Where something is being written: in a room, or in the thread of a message there. */
export type DraftPlace = `${number}` | `${number}/${number}`;

export function draftOf(room: number, thread?: number): DraftPlace {
  return thread === undefined ? `${room}` : `${room}/${thread}`;
}

export class Drafts extends Model {
  readonly #prefix: string;
  readonly #texts = new Map<string, string>();
  readonly #onStorage = ({ key }: StorageEvent): void => {
    if (!key?.startsWith(this.#prefix) || document.hasFocus()) return;
    this.#texts.delete(key.slice(this.#prefix.length));
    this.changed();
  };

  constructor(owner: string) {
    super();
    this.#prefix = prefix(owner);
    addEventListener("storage", this.#onStorage);
  }

  close(): void {
    removeEventListener("storage", this.#onStorage);
  }

  of(place: DraftPlace): string {
    let text = this.#texts.get(place);
    if (text !== undefined) return text;
    const stored = remembered<unknown>("local", this.#prefix + place, "");
    text = typeof stored === "string" ? stored : "";
    this.#texts.set(place, text);
    return text;
  }

  set(place: DraftPlace, text: string): void {
    this.#texts.set(place, text);
    if (text === "") forgotten("local", this.#prefix + place);
    else remember("local", this.#prefix + place, text);
    this.changed();
  }

  /** Puts a text before what is being written. */
  putBack(place: DraftPlace, text: string): void {
    const now = this.of(place);
    this.set(place, now === "" ? text : `${text}\n${now}`);
  }
}

/** Somebody goes by another name: what they were writing goes along. */
export function carryDrafts(from: string, to: string): void {
  for (const key of rememberedKeys("local", prefix(from))) {
    const place = key.slice(prefix(from).length);
    if (!/^\d+(?:\/\d+)?$/.test(place)) continue;
    remember("local", prefix(to) + place, remembered("local", key, ""));
    forgotten("local", key);
  }
}

function prefix(owner: string): string {
  return `${owner} draft.`;
}
