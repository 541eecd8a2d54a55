/** Messages that are read page by page and followed as they change: those of a room, or of a thread in it. */
import type { ChatClient, Done, Identity, MessageState } from "../client/src/index.ts";
import type { Room } from "./api.ts";
import type { MessageChange } from "./messages/actions.ts";
import { NO_READERS, type Readers } from "./messages/receipts.ts";
import { Model } from "./model.ts";
import type { Session } from "./session.ts";
import type { Item, ShownPage, Timeline } from "./timeline.ts";

export const PAGE = 100;
/** So many rows are looked at for who wrote them. */
const MOST_AUTHORS = 1_000;

/** Where to go: to a message, which is marked, or to a place, which is not: `null` is the end. */
export interface Target {
  seq: number;
  bottom?: number | null;
}

/** What somebody was looking at: a row, and how far below the upper edge it ended. */
export interface Place {
  seq: number;
  bottom: number;
}

/** Where a page is: the newest without any of these. */
export type Where = { before?: number; after?: number };

export abstract class Conversation extends Model {
  abstract timeline: Timeline;
  /** The room that the messages are in, as far as it is known. */
  abstract readonly info: Room | null;
  /** What is being looked at; null at the end. */
  place: Place | null = null;
  /** The message that a link leads to, as long as it is marked. */
  target: Target | null = null;
  /** Whether a link led to a message that is not there. */
  missing = false;
  /** Where reading stopped before this visit; null when nothing is new. */
  readTo: number | null = null;
  /** How many messages of others were new then, and came unseen since. */
  newCount = 0;
  loadingBefore = false;
  failedBefore = false;
  #loadingAfter = false;
  /** Deleted messages whose threads are being asked for. */
  readonly #placing = new Set<number>();
  protected closed = false;

  /** `id` is the room's, `thread` the message that the thread is about, if it is one. */
  constructor(
    readonly session: Session,
    readonly id: number,
    readonly thread?: number,
  ) {
    super();
  }

  /** Whether there is a page, so that others can be added to it. */
  protected abstract readonly hasPage: boolean;

  /** Whom this page knows besides those who wrote what is loaded. */
  protected abstract readonly others: readonly Identity[];

  /** Reads a page. */
  protected abstract page(where: Where): Promise<ShownPage>;

  /** Loads the messages around one that is not loaded. */
  protected abstract seek(seq: number): Promise<void>;

  /** The message that another one answers: null if it is not there any more, undefined as long as that is not known. */
  abstract original(seq: number): MessageState | null | undefined;

  /** Everything up to this row has been seen. */
  abstract read(seq: number): void;

  /** How many messages of others came since the last that was seen. */
  abstract readonly unseen: number;

  /** Whom this page knows here: who is here now, and who wrote what is loaded last. */
  known(): Identity[] {
    const authors = this.timeline.items.slice(-MOST_AUTHORS).filter(({ kind }) => kind === "message");
    return [...this.others, ...authors.reverse().map(({ user, username }) => ({ user, username }))];
  }

  /** The names that somebody is known by here. A guest's id is one. */
  namesOf(user: string): string[] {
    const known = this.known().filter((each) => each.user === user).map(({ username }) => username);
    const own = user === this.session.user ? [this.session.name] : [];
    return [...new Set([...known, ...own, user])];
  }

  /** Whether a message of somebody else is for the one at this page. */
  mentionsMe({ user, fields, deleted }: Item): boolean {
    const { user: me } = this.session;
    return user !== me && !deleted && (fields.mentions_room === true || fields.mentions?.includes(me) === true);
  }

  get newest(): number {
    return this.timeline.newest;
  }

  /** Who is shown to have read which of one's own messages. */
  get readers(): Readers {
    return NO_READERS;
  }

  /** Those who have read a message. */
  readersOf(_seq: number): readonly Identity[] {
    return [];
  }

  /** How many messages of others stand behind this one. */
  protected countAfter(seq: number): number {
    const { items } = this.timeline;
    let count = 0;
    for (let index = items.length - 1; index >= 0; index--) {
      const item = items[index];
      if (!item || item.seq <= seq) break;
      if (item.kind === "message" && !item.deleted && item.user !== this.session.user) count += 1;
    }
    return count;
  }

  /** Loads a page of older messages. */
  async loadBefore(): Promise<void> {
    if (this.loadingBefore || !this.timeline.hasBefore || !this.hasPage) return;
    this.loadingBefore = true;
    this.failedBefore = false;
    this.changed();
    try {
      const { oldest } = this.timeline;
      const page = await this.page({ before: oldest });
      // Another history has taken its place meanwhile: this page belongs to none.
      if (!this.timeline.fits(page)) this.failedBefore = true;
      else if (page.epoch === this.timeline.epoch && this.timeline.oldest === oldest) this.timeline.prepend(page);
    } catch {
      this.failedBefore = true;
    }
    this.loadingBefore = false;
    this.#loaded();
  }

  /** Loads a page of newer messages, where something lies between what is loaded and the end. */
  async loadAfter(): Promise<void> {
    const { timeline } = this;
    if (this.#loadingAfter || !timeline.hasAfter || !this.hasPage) return;
    this.#loadingAfter = true;
    try {
      const { end, epoch } = timeline;
      const page = await this.page({ after: end });
      if (page.epoch === epoch && timeline.end === end && timeline.fits(page)) timeline.append(page);
    } catch {
      // Scrolling on asks again.
    }
    this.#loadingAfter = false;
    this.#loaded();
  }

  /** Goes to the newest messages, whatever lies between. */
  async toNewest(): Promise<void> {
    if (!this.timeline.hasAfter) return;
    this.place = null;
    try {
      const page = await this.page({});
      if (this.timeline.fits(page)) this.timeline.replace(page);
    } catch {
      // What is there stays.
    }
    this.#loaded();
  }

  #loaded(): void {
    if (this.closed) return;
    this.changed();
    this.placeAnswers();
  }

  /** Goes to a message, wherever it is. */
  goTo(seq: number): Promise<void> {
    return this.#aim({ seq });
  }

  /** Goes back to where one was; null: to the end. */
  async goBack(place: Place | null): Promise<void> {
    if (place !== null) return this.#aim(place);
    await this.toNewest();
    const last = this.timeline.items.at(-1);
    if (last) await this.#aim({ seq: last.seq, bottom: null });
  }

  async #aim(target: Target): Promise<void> {
    this.target = target;
    this.missing = false;
    this.changed();
    if (!this.timeline.get(target.seq)) await this.seek(target.seq);
  }

  /** Shows the page around the message that was sought; null: it is not there. */
  protected land(page: ShownPage | null): void {
    const fits = page !== null && this.timeline.fits(page);
    // Nobody has asked for the row that stands at a place.
    this.missing = !fits && this.target?.bottom === undefined;
    if (fits) this.timeline.reset(page);
    else this.target = null;
    this.changed();
  }

  /** The message has been marked for long enough. */
  reached(target: Target): void {
    if (this.target !== target) return;
    this.target = null;
    this.changed();
  }

  /** Changes a message: that is shown at once, and no more if the server refuses. */
  async change(change: MessageChange, send: (client: ChatClient) => Promise<Done>): Promise<void> {
    this.timeline.propose(change);
    this.changed();
    try {
      this.timeline.settle(change, (await send(this.session.client)).seq);
    } catch (error) {
      this.timeline.withdraw(change);
      throw error;
    } finally {
      if (!this.closed) this.changed();
    }
  }

  /** Takes note of what is being looked at. */
  keepPlace(place: Place | null): void {
    this.place = place;
  }

  /** Asks in which threads deleted messages were, where what is shown depends on it. */
  protected placeAnswers(): void {
    for (const seq of this.timeline.unplaced) if (!this.#placing.has(seq)) void this.#placeAnswer(seq);
  }

  async #placeAnswer(seq: number): Promise<void> {
    this.#placing.add(seq);
    const message = await this.session.api.message(this.id, seq).catch(() => null);
    this.#placing.delete(seq);
    if (message === null || this.closed) return;
    this.timeline.place(seq, message.thread);
    this.changed();
  }
}
