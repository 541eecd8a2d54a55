/** What was being written in each room: kept in this browser, and followed by tabs that nobody writes in. */
import { Model } from "./model.ts";
import { forgotten, remember, remembered, rememberedKeys } from "./storage.ts";

export class Drafts extends Model {
  readonly #prefix: string;
  readonly #texts = new Map<number, string>();
  readonly #onStorage = ({ key }: StorageEvent): void => {
    if (!key?.startsWith(this.#prefix) || document.hasFocus()) return;
    this.#texts.delete(Number(key.slice(this.#prefix.length)));
    this.changed();
  };

  constructor(user: string) {
    super();
    this.#prefix = prefix(user);
    addEventListener("storage", this.#onStorage);
  }

  close(): void {
    removeEventListener("storage", this.#onStorage);
  }

  of(room: number): string {
    let text = this.#texts.get(room);
    if (text !== undefined) return text;
    const stored = remembered<unknown>("local", this.#prefix + room, "");
    text = typeof stored === "string" ? stored : "";
    this.#texts.set(room, text);
    return text;
  }

  set(room: number, text: string): void {
    this.#texts.set(room, text);
    if (text === "") forgotten("local", this.#prefix + room);
    else remember("local", this.#prefix + room, text);
    this.changed();
  }

  /** Puts a text before what is being written. */
  putBack(room: number, text: string): void {
    const now = this.of(room);
    this.set(room, now === "" ? text : `${text}\n${now}`);
  }
}

/** Somebody goes by another name: what they were writing goes along. */
export function carryDrafts(from: string, to: string): void {
  for (const key of rememberedKeys("local", prefix(from))) {
    const room = key.slice(prefix(from).length);
    if (!/^\d+$/.test(room)) continue;
    remember("local", prefix(to) + room, remembered("local", key, ""));
    forgotten("local", key);
  }
}

function prefix(user: string): string {
  return `chat.draft.${user}.`;
}
