/**
 * Messages on their way: shown at once, kept by this browser until they are stored, sent with one key however often, and
 * gone from here when they stand in the room. Each tab sends its own; what a closed one has left is sent by one of the
 * others, or by the next.
 */
import { uuidv7, type ChatClient } from "../client/src/index.ts";
import { codeOf } from "./api.ts";
import { serverNow } from "./clock.ts";
import { forgetLetter, isLetter, storedLetter, storedLetters, storeLetter, type Letter, type LetterFields } from "./letters.ts";
import { Model } from "./model.ts";
import type { Connection } from "./session.ts";
import { rowId, UNMEASURED, type Item } from "./timeline.ts";

export class Outbox extends Model {
  readonly #client: ChatClient;
  readonly #connection: Connection;
  readonly #user: string;
  /** Whose letters they are, in this browser. */
  readonly #owner: string;
  /** This tab: others look whether it holds the lock of that name. */
  readonly #tab = uuidv7();
  #letters: Letter[] = [];
  /** The rows, which stay the same objects: the list keeps their heights in them. */
  readonly #rows = new WeakMap<Letter, Item>();
  /** The keys of one's own messages that stood in a room here: whatever has one of them is sent. */
  readonly #stored = new Set<string>();
  /** Up to which number each room was shown. */
  readonly #shownTo = new Map<number, number>();
  /** Lets go of the locks. */
  readonly #over = new AbortController();
  #isKeeper = false;
  #unwatch: () => void = () => {};
  readonly #onStorage = ({ key }: StorageEvent): void => {
    if (this.#isKeeper && isLetter(this.#owner, key)) void this.#adopt();
  };
  readonly #onHide = (): void => this.#leave();
  readonly #onShow = (event: PageTransitionEvent): void => {
    if (event.persisted) this.#comeBack();
  };

  constructor(client: ChatClient, connection: Connection, user: string, owner: string) {
    super();
    this.#client = client;
    this.#connection = connection;
    this.#user = user;
    this.#owner = owner;
  }

  /** Sends what closed tabs could not, if no other tab does. */
  start(): void {
    addEventListener("storage", this.#onStorage);
    addEventListener("pagehide", this.#onHide);
    addEventListener("pageshow", this.#onShow);
    this.#unwatch = this.#connection.watch(() => this.#connection.online && this.#tried());
    const { locks } = navigator as { locks?: LockManager };
    if (locks === undefined) return this.#take(storedLetters(this.#owner)); // The keys make it harmless if two tabs send it.
    void this.#hold(locks, lockOf(this.#tab), () => {});
    void this.#hold(locks, `${this.#owner} outbox`, () => {
      this.#isKeeper = true;
      void this.#adopt();
    });
  }

  stop(): void {
    this.#over.abort();
    this.#unwatch();
    removeEventListener("storage", this.#onStorage);
    removeEventListener("pagehide", this.#onHide);
    removeEventListener("pageshow", this.#onShow);
    this.#leave();
  }

  /** Whether there is something that is not stored. */
  get hasUnsent(): boolean {
    return this.#letters.some(({ seq }) => seq === undefined);
  }

  send(room: number, text: string, fields: LetterFields = {}): void {
    const letter: Letter = { key: uuidv7(), room, text, fields, at: serverNow(), tab: this.#tab };
    this.#letters.push(letter);
    void this.#post(letter);
    this.#keep(letter);
  }

  retry(id: string): void {
    const letter = this.#find(id);
    if (letter?.failed === undefined) return;
    // The same key: if it was stored after all, this finds it.
    if (letter.failed === "idempotency_mismatch") {
      forgetLetter(this.#owner, letter.key);
      letter.key = uuidv7();
    }
    delete letter.failed;
    void this.#post(letter);
    this.#keep(letter);
  }

  /** Takes a failed message back; gives its text. */
  discard(id: string): string {
    const letter = this.#find(id);
    if (letter) this.#drop(letter);
    return letter?.text ?? "";
  }

  /** The message stands in its room. */
  confirm(key: string): void {
    this.#stored.add(key);
    const letter = this.#letters.find((each) => each.key === key);
    if (letter) this.#drop(letter);
  }

  /** Everything up to this number is shown: what has such a number is there. */
  shown(room: number, seq: number): void {
    this.#shownTo.set(room, seq);
    for (const letter of [...this.#letters]) {
      if (letter.room === room && letter.seq !== undefined && letter.seq <= seq) this.#drop(letter);
    }
  }

  /** The rows at the end of a room, or of a thread in it. */
  of(room: number, thread?: number): Item[] {
    return this.#letters.filter((letter) => letter.room === room && letter.fields?.thread === thread).map((letter) => this.#item(letter));
  }

  async #post(letter: Letter): Promise<void> {
    if (this.#connection.online) letter.tried = true;
    try {
      const sent = await this.#client.send(letter.room, letter.text, { ...letter.fields, key: letter.key });
      letter.seq = sent.seq;
      if (sent.seq <= (this.#shownTo.get(letter.room) ?? 0)) return this.#drop(letter);
      forgetLetter(this.#owner, letter.key);
      this.changed();
    } catch (error) {
      const code = codeOf(error);
      // The session is over: the next one sends it.
      if (code === "cancelled") return;
      letter.failed = code;
      if (code !== "refused") delete letter.tried;
      this.#keep(letter);
    }
  }

  /** What waits is on its way now. */
  #tried(): void {
    for (const letter of this.#letters) {
      if (letter.seq !== undefined || letter.failed !== undefined || letter.tried === true) continue;
      letter.tried = true;
      this.#keep(letter);
    }
  }

  /** Holds a lock as long as this tab goes on, and says when it has it. */
  async #hold(locks: LockManager, name: string, held: () => void): Promise<void> {
    const { signal } = this.#over;
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await locks.request(name, { signal }, () => (held(), over)).catch(() => {});
  }

  /** Takes over what belongs to no tab any more. */
  async #adopt(): Promise<void> {
    const { held = [] } = await navigator.locks.query();
    if (this.#over.signal.aborted) return;
    const alive = new Set(held.map(({ name }) => name));
    this.#take(storedLetters(this.#owner).filter(({ tab }) => tab === null || (tab !== this.#tab && !alive.has(lockOf(tab)))));
  }

  #take(letters: Letter[]): void {
    for (const letter of letters) {
      if (this.#letters.some(({ key }) => key === letter.key)) continue;
      if (this.#stored.has(letter.key)) {
        forgetLetter(this.#owner, letter.key);
        continue;
      }
      letter.tab = this.#tab;
      this.#letters.push(letter);
      if (letter.failed === undefined) void this.#post(letter);
      this.#keep(letter);
    }
  }

  /** The page goes: its letters are anybody's. */
  #leave(): void {
    for (const letter of this.#letters) {
      if (letter.seq === undefined && storedLetter(this.#owner, letter.key) !== null) storeLetter(this.#owner, { ...letter, tab: null });
    }
  }

  /** The page is back as it was: what no other tab has taken meanwhile is its own again. */
  #comeBack(): void {
    for (const letter of [...this.#letters]) {
      if (letter.seq !== undefined) continue;
      if (storedLetter(this.#owner, letter.key)?.tab === null) this.#keep(letter);
      else this.#letters = this.#letters.filter((each) => each !== letter);
    }
    this.changed();
  }

  #item(letter: Letter): Item {
    const { key, text, fields, at, failed } = letter;
    const id = rowId(this.#user, key);
    let row = this.#rows.get(letter);
    if (row?.id !== id) row = { id, kind: "draft", seq: 0, user: this.#user, username: this.#user, text, fields, deleted: false, at, ...UNMEASURED, fresh: true, head: 0 };
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
    forgetLetter(this.#owner, letter.key);
    this.changed();
  }

  #keep(letter: Letter): void {
    if (letter.seq === undefined) storeLetter(this.#owner, letter);
    this.changed();
  }
}

function lockOf(tab: string): string {
  return `chat.tab.${tab}`;
}
