/** The messages of a room that are loaded: one unbroken stretch, each of them once, in order. */
import type { MessageState } from "../client/src/index.ts";
import type { History, Message } from "./api.ts";

export interface Item {
  /** The same for a message on its way and once it is stored, so that it stays the same row. */
  id: string;
  kind: "message" | "notice" | "draft";
  /** 0 until it is stored. */
  seq: number;
  user: string;
  username: string;
  text: string;
  /** Its text is gone; it keeps its place. */
  deleted: boolean;
  at: number;
  /** As measured on screen; 0 when it never was. */
  height: number;
  /** What its height is taken for until then; 0 when nobody asked. */
  guess: number;
  /** Arrived while the room was being looked at. */
  fresh: boolean;
  failed?: string;
}

export class Timeline {
  items: Item[] = [];
  /** Goes up whenever items have moved to other places. */
  moves = 0;
  hasBefore = false;
  /** Whether there is something newer that is not loaded. */
  hasAfter = false;
  epoch = "";
  /** Up to here everything is known: what is no message has its number, too. */
  end = 0;
  /** What was heard beyond a hole, without one in it; it waits for the page that closes the hole. */
  #late: Late = NOTHING;
  /** The first place that has changed since the list looked. */
  #touched = 0;

  /** The first place that has changed since this was asked last. */
  takeTouched(): number {
    const touched = this.#touched;
    this.#touched = Number.POSITIVE_INFINITY;
    return touched;
  }

  get newest(): number {
    return this.items.at(-1)?.seq ?? 0;
  }

  get oldest(): number {
    return this.items[0]?.seq ?? 0;
  }

  /** Takes the newest page. What is there already stays if the two stretches meet. */
  replace(page: History): void {
    const first = page.has_before ? (page.messages[0]?.seq ?? page.head + 1) : 1;
    if (this.epoch !== page.epoch || first > this.end + 1 || this.end === 0) return this.reset(page);
    for (const message of page.messages) {
      const item = itemOf(message, false);
      if (page.head >= this.end) this.#change(item.seq, item.text, item.deleted);
      this.#insert(item);
    }
    this.#reach(page);
  }

  /** Takes a page in the place of everything that was loaded. */
  reset(page: History): void {
    if (this.epoch !== page.epoch) this.#late = NOTHING;
    this.epoch = page.epoch;
    this.items = page.messages.map((message) => itemOf(message, false));
    this.end = 0;
    this.#touched = 0;
    this.moves += 1;
    this.hasBefore = page.has_before;
    this.#reach(page);
  }

  /** Puts a page of newer messages behind. */
  append(page: History): void {
    for (const message of page.messages) this.#insert(itemOf(message, false));
    this.#reach(page);
  }

  /** Everything up to the end of this page is known; what was heard beyond it follows if nothing is missing between. */
  #reach(page: History): void {
    this.end = Math.max(this.end, page.has_after ? (page.messages.at(-1)?.seq ?? 0) : page.head);
    const { from, end, items } = this.#late;
    const meets = from <= this.end + 1;
    this.hasAfter = page.has_after || (end > this.end && !meets);
    if (this.hasAfter) return;
    this.#late = NOTHING;
    for (const item of items) this.#insert(item);
    this.end = Math.max(this.end, end);
  }

  /** Puts a page of older messages in front. */
  prepend(page: History): void {
    const oldest = this.oldest;
    const older = page.messages.filter((message) => message.seq < oldest || oldest === 0);
    this.items = [...older.map((message) => itemOf(message, false)), ...this.items];
    this.#touched = 0;
    this.moves += 1;
    this.hasBefore = page.has_before;
  }

  /** Adds a message, unless it is there. */
  add(message: Message, fresh: boolean): void {
    this.#take(itemOf(message, fresh));
  }

  /** The message has another text now. */
  edit(seq: number, text: string): void {
    this.#change(seq, text, false);
  }

  /** The message is deleted. */
  remove(seq: number): void {
    this.#change(seq, "", true);
  }

  /** Adds a line that is no message. */
  addNotice(seq: number, text: string, at: number): void {
    this.#take({ id: `n${seq}`, kind: "notice", seq, user: "", username: "", text, deleted: false, at, height: 0, guess: 0, fresh: true });
  }

  /** Takes note of an event that is not shown. */
  pass(seq: number): void {
    this.#hear(seq, null);
  }

  /** Where an item is, or would be, among the stored ones. */
  indexOf(seq: number): number {
    return this.#place(seq);
  }

  #take(item: Item): void {
    this.#hear(item.seq, item);
  }

  /** An event has this number, and may be shown as an item. */
  #hear(seq: number, item: Item | null): void {
    if (seq > this.end + 1 || (this.hasAfter && seq > this.end)) return this.#put(seq, item);
    if (item) this.#insert(item);
    this.end = Math.max(this.end, seq);
  }

  /** Keeps what is beyond a hole. */
  #put(seq: number, item: Item | null): void {
    const { from, end, items } = this.#late;
    if (seq >= from && seq <= end) return;
    const follows = seq === end + 1 && items.length < MOST_LATE;
    if (follows) this.#late = { from, end: seq, items: item ? [...items, item] : items };
    // What is missing before it comes with a page.
    else this.#late = { from: seq, end: seq, items: item ? [item] : [] };
  }

  #insert(item: Item): void {
    const place = item.seq > this.newest ? this.items.length : this.#place(item.seq);
    if (this.items[place]?.seq === item.seq) return;
    // What lies before the loaded stretch comes with its page.
    if (place === 0 && this.hasBefore && this.items.length > 0) return;
    if (place < this.items.length) this.moves += 1;
    this.items.splice(place, 0, item);
    this.#touched = Math.min(this.#touched, place);
  }

  /** Puts another item in the place of one that has changed: rows are drawn again for another item alone. */
  #change(seq: number, text: string, deleted: boolean): void {
    const changed = (item: Item): Item => {
      if (item.seq !== seq || item.deleted || (item.text === text && !deleted)) return item;
      return { ...item, text, deleted, height: 0, guess: 0 };
    };
    this.#late = { ...this.#late, items: this.#late.items.map(changed) };
    const place = this.#place(seq);
    const item = this.items[place];
    if (item?.seq !== seq) return;
    this.items[place] = changed(item);
    this.#touched = Math.min(this.#touched, place);
  }

  #place(seq: number): number {
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.items[middle] as Item).seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Events that were heard, from one number to another. */
interface Late {
  from: number;
  end: number;
  items: Item[];
}

const NOTHING: Late = { from: Number.POSITIVE_INFINITY, end: 0, items: [] };
/** So much is kept beyond a hole. */
const MOST_LATE = 500;

/** A row's name: a message keeps the one it had as a draft. */
export function rowId(user: string, key: string): string {
  return `k ${user} ${key}`;
}

function itemOf(message: Message, fresh: boolean): Item {
  const { seq, user, username, content, key } = message;
  const { deleted, erased } = message as Partial<MessageState>;
  const id = key ? rowId(user, key) : `s${seq}`;
  return { id, kind: "message", seq, user, username, text: content, deleted: deleted !== undefined || erased === true, at: Date.parse(message.timestamp), height: 0, guess: 0, fresh };
}

/** How a row hangs together with the one above it. */
export interface Look {
  /** The first of its day. */
  day: boolean;
  /** The first of a run by one author. */
  head: boolean;
  /** The last of such a run. */
  tail: boolean;
  /** The first that has not been read. */
  unread: boolean;
  /** Says when: the last of its run, and the last of a minute. */
  stamp: boolean;
}

const RUN_MS = 5 * 60_000;

export function look(item: Item, above: Item | undefined, below: Item | undefined, readTo: number | null): Look {
  const unread = isFirstUnread(item, above, readTo);
  const day = above === undefined || !sameDay(above.at, item.at);
  const head = day || unread || !sameRun(above, item);
  const tail = below === undefined || !sameRun(item, below) || !sameDay(item.at, below.at) || isFirstUnread(below, item, readTo);
  const stamp = tail || Math.floor(item.at / 60_000) !== Math.floor((below?.at ?? 0) / 60_000);
  return { day, head, tail, unread, stamp };
}

function isFirstUnread(item: Item, above: Item | undefined, readTo: number | null): boolean {
  return readTo !== null && item.seq > readTo && (above === undefined || (above.seq <= readTo && above.seq > 0));
}

function sameRun(one: Item, other: Item): boolean {
  return one.kind !== "notice" && other.kind !== "notice" && one.user === other.user && other.at - one.at < RUN_MS;
}

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
