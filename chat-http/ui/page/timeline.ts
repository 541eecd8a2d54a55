/** The messages of a room, or of a thread in it, that are loaded: one unbroken stretch, each of them once, in order. */
import { foldLostAnswer, isEvent, Proposals, type MessageState, type Proposal, type RoomEvent, type ShownMessage } from "../client/src/index.ts";
import type { History, Message } from "./api.ts";
import { Changes, targetOf } from "./changes.ts";
import type { LetterFields } from "./letters.ts";

export interface Item {
  /** The same for a message on its way and once it is stored, so that it stays the same row. */
  id: string;
  kind: "message" | "notice" | "draft";
  /** 0 until it is stored. */
  seq: number;
  user: string;
  username: string;
  text: string;
  /** Whom it mentions, and what it answers. */
  fields: LetterFields;
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
  /** The message as the server has it, if it is one that is stored… */
  stored?: MessageState;
  /** …and with one's own changes that are on their way. */
  message?: ShownMessage;
  /** Up to which event that counts. */
  head: number;
  /** Up to which event the page counted that it came with. */
  base?: number;
}

/** What the rows have in common that were never measured. */
export const UNMEASURED = { height: 0, guess: 0 };

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
  readonly #changes: Changes;
  readonly #proposals: Proposals;

  constructor(room: number, me: string) {
    this.#changes = new Changes(me);
    this.#proposals = new Proposals(room, { user: me, username: me });
  }

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

  /** The events after this one follow; what was told before them may be missing. */
  begin(seq: number): void {
    this.#changes.begin(seq);
  }

  /** Whether all is known that this page does not show: one that is too old has to be read again. */
  fits({ epoch, head }: ShownPage): boolean {
    return epoch !== this.epoch || this.#changes.covers(head);
  }

  /** Takes the newest page. What is there already stays if the two stretches meet. */
  replace(page: ShownPage): void {
    const first = page.has_before ? (page.messages[0]?.seq ?? page.head + 1) : 1;
    if (this.epoch !== page.epoch || first > this.end + 1 || this.end === 0) return this.reset(page);
    for (const item of this.#itemsOf(page)) {
      this.#change(item.seq, (before) => (before.head < item.head ? { ...this.#with(before, item.stored as MessageState, item.head), base: item.base ?? 0 } : before));
      this.#insert(item);
    }
    this.#reach(page);
  }

  /** Takes a page in the place of everything that was loaded. */
  reset(page: ShownPage): void {
    if (this.epoch !== page.epoch) {
      this.#late = NOTHING;
      this.#changes.begin(page.head);
    }
    this.epoch = page.epoch;
    this.items = this.#itemsOf(page);
    this.end = 0;
    this.#touched = 0;
    this.moves += 1;
    this.hasBefore = page.has_before;
    this.#reach(page);
  }

  /** Puts a page of newer messages behind. */
  append(page: ShownPage): void {
    for (const item of this.#itemsOf(page)) this.#insert(item);
    this.#reach(page);
  }

  /** Everything up to the end of this page is known; what was heard beyond it follows if nothing is missing between. */
  #reach(page: ShownPage): void {
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
  prepend(page: ShownPage): void {
    const oldest = this.oldest;
    const older = this.#itemsOf(page).filter(({ seq }) => seq < oldest || oldest === 0);
    this.items = [...older, ...this.items];
    this.#touched = 0;
    this.moves += 1;
    this.hasBefore = page.has_before;
  }

  /** Adds a message, unless it is there. */
  add(message: Message, fresh: boolean): void {
    this.#proposals.applied(message);
    this.#take(this.#itemOf(message, message.seq, fresh));
  }

  /** Takes an event that adds no row: it may change a message. */
  apply(event: RoomEvent): void {
    this.#changes.heard(event);
    this.#proposals.applied(event);
    const target = targetOf(event);
    if (target !== null) this.#change(target, (item) => this.#after(item, event));
    if (isEvent(event, "message_deleted") && !this.#isInHistory(event.target)) for (const { seq } of this.#rootsBefore(event.target)) this.#loseAnswer(seq, event);
    this.pass(event.seq);
  }

  /**
   * Deleted messages that may have been in the thread of one that is shown, whose `thread_count` may be wrong: a deletion
   * does not say it. Where they were is to be told with `place`.
   */
  get unplaced(): number[] {
    return this.#changes.unplaced;
  }

  /** Tells in which thread a message was; undefined: in none. */
  place(target: number, thread: number | undefined): void {
    const seq = this.#changes.place(target, thread);
    if (seq !== undefined && thread !== undefined) this.#loseAnswer(thread, { target, seq });
  }

  /** Shows a change of one's own before it is stored. Its event ends that, or `settle`, or `withdraw`. */
  propose(proposal: Exclude<Proposal, { type: "message" }>): void {
    this.#proposals.add(proposal);
    this.#show(proposal.target);
  }

  /** The change is stored as this event; without one, it was so already. */
  settle({ key, target }: { key: string; target: number }, seq: number | undefined): void {
    this.#proposals.settle(key, seq !== undefined && seq > this.end ? seq : undefined);
    this.#show(target);
  }

  /** The change was refused. */
  withdraw({ key, target }: { key: string; target: number }): void {
    this.#proposals.drop(key);
    this.#show(target);
  }

  /** Adds a line that is no message. */
  addNotice(seq: number, text: string, at: number): void {
    this.#take({ id: `n${seq}`, kind: "notice", seq, user: "", username: "", text, fields: {}, deleted: false, at, ...UNMEASURED, fresh: true, head: seq });
  }

  /** Takes note of an event that is not shown. */
  pass(seq: number): void {
    this.#hear(seq, null);
  }

  /** Where an item is, or would be, among the stored ones. */
  indexOf(seq: number): number {
    return this.#place(seq);
  }

  /** The item with this number, if it is loaded. */
  get(seq: number): Item | undefined {
    const item = this.items[this.#place(seq)];
    return item?.seq === seq ? item : undefined;
  }

  /** A message that was not read with its page says itself up to which event it counts. */
  #itemsOf({ messages, head }: ShownPage): Item[] {
    for (const message of messages) this.#changes.learn(message);
    return messages.map(({ head: base = head, ...message }) => ({ ...this.#itemOf(this.#changes.since(base, message), Math.max(base, this.end), false), base }));
  }

  #itemOf(message: Message, head: number, fresh: boolean): Item {
    const { seq, user, key } = message;
    const id = key ? rowId(user, key) : `s${seq}`;
    return { id, kind: "message", seq, fresh, base: head, ...UNMEASURED, ...this.#shown(message, head) };
  }

  /** What an item has from its message. */
  #shown(stored: MessageState, head: number): Pick<Item, "user" | "username" | "text" | "deleted" | "at" | "stored" | "message" | "head" | "fields"> {
    const message = this.#proposals.over(stored);
    const { user, username, content, timestamp, deleted, erased } = message;
    return { user, username, text: content, deleted: deleted !== undefined || erased === true, at: Date.parse(timestamp), stored, message, fields: message, head };
  }

  /** The item with another state of its message: another object, since rows are drawn again for one alone. */
  #with(item: Item, stored: MessageState, head: number): Item {
    const changed = { ...item, ...this.#shown(stored, head) };
    return changed.text === item.text && changed.deleted === item.deleted ? changed : { ...changed, ...UNMEASURED };
  }

  #after(item: Item, event: RoomEvent): Item {
    if (item.stored === undefined || item.head >= event.seq) return item;
    const stored = this.#changes.after(item.stored, event);
    return stored === item.stored ? item : this.#with(item, stored, event.seq);
  }

  /** Whether it is a message of the room's history: then it is in no thread. */
  #isInHistory(seq: number): boolean {
    const item = this.get(seq) ?? this.#late.items.find((each) => each.seq === seq);
    return item !== undefined && item.stored?.thread === undefined;
  }

  /** The messages that a later one can be in the thread of. */
  #rootsBefore(seq: number): Item[] {
    return [...this.items.slice(0, this.#place(seq)), ...this.#late.items].filter(({ stored }) => stored?.thread_last !== undefined);
  }

  /** A message may have been deleted that was in this one's thread. */
  #loseAnswer(root: number, deletion: { target: number; seq: number }): void {
    this.#change(root, (item) => {
      const isLost = item.stored !== undefined && (item.base ?? 0) < deletion.seq && this.#changes.isLostAnswer(item.stored, deletion);
      return isLost ? this.#with(item, foldLostAnswer(item.stored as MessageState), item.head) : item;
    });
  }

  /** Draws a message anew after one's own changes of it have come or gone. */
  #show(seq: number): void {
    this.#change(seq, (item) => (item.stored ? this.#with(item, item.stored, item.head) : item));
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

  /** Puts another item in the place of one that has changed. */
  #change(seq: number, changed: (item: Item) => Item): void {
    this.#late = { ...this.#late, items: this.#late.items.map((item) => (item.seq === seq ? changed(item) : item)) };
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

/** A page of messages, and beside them some that were read alone: those say up to which event they count. */
export type ShownPage = Omit<History, "messages"> & { messages: (MessageState & { head?: number })[] };

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
  return one.kind !== "notice" && other.kind !== "notice" && one.user === other.user && one.fields.thread === other.fields.thread && other.at - one.at < RUN_MS;
}

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
