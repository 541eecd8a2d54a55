/**
 * Messages on their way: shown at once, kept over a reload, sent with one key however often, and gone
 * from here when they stand in the room.
 */
import { uuidv7, type ChatClient } from "../client/src/index.ts";
import { codeOf } from "./api.ts";
import { Model } from "./model.ts";
import { remember, remembered } from "./storage.ts";
import { rowId, type Item } from "./timeline.ts";

interface Letter {
  key: string;
  room: number;
  text: string;
  at: number;
  /** Why it will not be sent by itself any more. */
  failed?: string;
  /** Its number, once it is stored. */
  seq?: number;
}

export class Outbox extends Model {
  readonly #client: ChatClient;
  readonly #user: string;
  readonly #storageKey: string;
  #letters: Letter[];
  /** The rows, which stay the same objects: the list keeps their heights in them. */
  readonly #rows = new WeakMap<Letter, Item>();

  constructor(client: ChatClient, user: string) {
    super();
    this.#client = client;
    this.#user = user;
    this.#storageKey = `chat.outbox.${user}`;
    this.#letters = remembered<Letter[]>("session", this.#storageKey, []);
  }

  /** Sends what an earlier life of this page could not. */
  start(): void {
    for (const letter of this.#letters) if (letter.failed === undefined) void this.#post(letter);
  }

  send(room: number, text: string): void {
    const letter: Letter = { key: uuidv7(), room, text, at: Date.now() };
    this.#letters.push(letter);
    this.#keep();
    void this.#post(letter);
  }

  retry(id: string): void {
    const letter = this.#find(id);
    if (letter?.failed === undefined) return;
    // The same key: if it was stored after all, this finds it.
    if (letter.failed === "idempotency_mismatch") letter.key = uuidv7();
    delete letter.failed;
    this.#keep();
    void this.#post(letter);
  }

  /** Takes a failed message back; gives its text. */
  discard(id: string): string {
    const letter = this.#find(id);
    if (letter) this.#drop(letter);
    return letter?.text ?? "";
  }

  /** The message stands in its room. */
  confirm(key: string): void {
    const letter = this.#letters.find((each) => each.key === key);
    if (letter) this.#drop(letter);
  }

  /** Everything up to this number is shown: what has such a number is there. */
  shown(room: number, seq: number): void {
    for (const letter of [...this.#letters]) {
      if (letter.room === room && letter.seq !== undefined && letter.seq <= seq) this.#drop(letter);
    }
  }

  /** The rows at the end of a room. */
  of(room: number): Item[] {
    return this.#letters.filter((letter) => letter.room === room).map((letter) => this.#item(letter));
  }

  async #post(letter: Letter): Promise<void> {
    try {
      const sent = await this.#client.send(letter.room, letter.text, { key: letter.key });
      letter.seq = sent.seq;
    } catch (error) {
      letter.failed = codeOf(error);
    }
    this.#keep();
  }

  #item(letter: Letter): Item {
    const { key, text, at, failed } = letter;
    const id = rowId(this.#user, key);
    let row = this.#rows.get(letter);
    if (row?.id !== id) row = { id, kind: "draft", seq: 0, user: this.#user, username: this.#user, text, deleted: false, at, height: 0, guess: 0, fresh: true };
    if (failed === undefined) delete row.failed;
    else row.failed = failed;
    this.#rows.set(letter, row);
    return row;
  }

  #find(id: string): Letter | undefined {
    return this.#letters.find((letter) => rowId(this.#user, letter.key) === id);
  }

  #drop(letter: Letter): void {
    this.#letters = this.#letters.filter((each) => each !== letter);
    this.#keep();
  }

  #keep(): void {
    const unsettled = this.#letters.filter((letter) => letter.seq === undefined);
    remember("session", this.#storageKey, unsettled.length > 0 ? unsettled : null);
    this.changed();
  }
}
