/** The messages of a room or of a thread as they are now, made of pages of state and of the events after them. */

import type { Page } from "./api.ts";
import { isEvent, type Identity, type MessageState, type Position, type RoomEvent } from "./events.ts";
import { fold, foldAnswer, foldLostAnswer, targetOf } from "./fold.ts";
import { Proposals, type Proposal, type ShownMessage } from "./proposals.ts";

export interface TimelineOptions {
  room: number;
  /** Whose reactions are `mine`, and who makes the proposals. */
  me: Identity;
  /** The message whose thread this is; without it, the room's history, which has no messages in threads. */
  thread?: number;
}

interface Entry {
  state: MessageState;
  /** The head that the page it came from shows: the events up to there are in it. */
  head: number;
}

/** So many of the newest events are kept, for pages that are older than what has been applied. */
const REMEMBERED = 2_000;
/** Of so many messages in threads it is remembered in which one they are. */
const PLACED = 10_000;

/**
 * An unbroken stretch of messages, each as it is after all events that were applied. It only computes: reading pages and
 * following the room is up to the application.
 *
 * @example
 * ```ts
 * const timeline = new Timeline({ room: 1, me: { user: "alice", username: "Alice" } });
 * const read = async () => {
 *   while (!timeline.reset(await api.messages(1))) await new Promise((again) => setTimeout(again, 500));
 * };
 * await read();
 * client.attach(1, {
 *   event: (event) => void timeline.apply(event),
 *   resync: (head) => void (timeline.begin(head), read()),
 * }, { after: timeline.position });
 * ```
 */
export class Timeline {
  readonly room: number;
  readonly thread: number | undefined;
  readonly #me: Identity;
  readonly #proposals: Proposals;
  #entries: Entry[] = [];
  #bySeq = new Map<number, Entry>();
  #position: Position | null = null;
  /** The events after `#recentFrom`. */
  #recent: RoomEvent[] = [];
  #recentFrom = 0;
  /** Up to here no message is missing at the end. */
  #reach = 0;
  /** The messages are of before a gap: a page has to take their place. */
  #stale = true;
  #hasBefore = false;
  #hasAfter = false;
  /** The threads of messages in threads, 0 for one that is in none. */
  readonly #threadOf = new Map<number, number>();
  /** Deletions of messages that may be in the thread of one that is here, by target. */
  readonly #unplaced = new Map<number, number>();
  #shown: ShownMessage[] | null = null;

  constructor({ room, me, thread }: TimelineOptions) {
    this.room = room;
    this.thread = thread;
    this.#me = me;
    this.#proposals = new Proposals(room, me);
  }

  /** The messages as the server has them, oldest first. */
  get messages(): MessageState[] {
    return this.#entries.map(({ state }) => state);
  }

  /** The messages as they are shown: with one's own changes that are on their way. The same array until it changes. */
  get shown(): readonly ShownMessage[] {
    if (this.#shown === null) {
      const drafts = this.#hasAfter ? [] : this.#proposals.drafts(this.thread);
      this.#shown = [...this.messages.map((state) => this.#proposals.over(state)), ...drafts];
    }
    return this.#shown;
  }

  /** The last event that was applied; `null` before the first page or `begin`. */
  get position(): Position | null {
    return this.#position && { ...this.#position };
  }

  /** Whether a page is needed: at first, and after `begin`. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Whether there are older messages: read the page before the first one, and `prepend` it. */
  get hasBefore(): boolean {
    return this.#hasBefore;
  }

  /** Whether there are newer messages, so that new ones are not added: read the page after the last one, and `append` it. */
  get hasAfter(): boolean {
    return this.#hasAfter;
  }

  /** How many of the messages after this one are unread: of others, and not deleted; `null` if not all of them are here. */
  unreadAfter(seq: number): number | null {
    const first = this.#entries[0]?.state.seq ?? this.#reach + 1;
    if (this.#stale || this.#hasAfter || (this.#hasBefore && seq < first - 1)) return null;
    const isUnread = ({ state }: Entry): boolean => state.seq > seq && state.user !== this.#me.user && !state.deleted;
    return this.#entries.filter(isUnread).length;
  }

  get(seq: number): MessageState | undefined {
    return this.#bySeq.get(seq)?.state;
  }

  /** The events after this position follow; what was before them is not known. What is here stays until `reset`. */
  begin(position: Position): void {
    this.#position = { ...position };
    this.#recent = [];
    this.#recentFrom = position.seq;
    this.#stale = true;
  }

  /**
   * Puts a page in the place of all that is here. Without a `begin`, it gives the position, too.
   *
   * @returns whether it was taken: `false` for one that is older than the events that are known, or of another epoch.
   *   Then read it again.
   */
  reset(page: Page): boolean {
    const { epoch, head } = page;
    this.#position ??= { epoch, seq: (this.#recentFrom = head) };
    if (!this.#fits(page)) return false;
    this.#unplaced.clear();
    const fresh = this.#taken(page, !page.has_after);
    this.#entries = fresh;
    this.#bySeq = new Map(fresh.map((entry) => [entry.state.seq, entry]));
    this.#hasBefore = page.has_before;
    this.#hasAfter = page.has_after;
    this.#reach = head;
    this.#stale = false;
    for (const event of this.#recent) this.#proposals.applied(event);
    this.#changed();
    return true;
  }

  /** Adds the page that was read with `before`; `false` if it does not fit any more. */
  prepend(page: Page, before: number): boolean {
    if (this.#stale || this.#entries[0]?.state.seq !== before || !this.#fits(page)) return false;
    const older = this.#taken(page, false);
    for (const entry of older) this.#bySeq.set(entry.state.seq, entry);
    this.#entries = [...older, ...this.#entries];
    this.#hasBefore = page.has_before;
    this.#changed();
    return true;
  }

  /** Adds the page that was read with `after`; `false` if it does not fit any more. */
  append(page: Page, after: number): boolean {
    if (this.#stale || this.#entries.at(-1)?.state.seq !== after || !this.#fits(page)) return false;
    const newer = this.#taken(page, !page.has_after);
    for (const entry of newer) this.#bySeq.set(entry.state.seq, entry);
    this.#entries.push(...newer);
    this.#hasAfter = page.has_after;
    this.#reach = page.head;
    this.#changed();
    return true;
  }

  /** Takes what an answer says of one message, if it is here: `head` is what it shows. */
  put({ head, ...state }: MessageState & { head: number }): void {
    const entry = this.#bySeq.get(state.seq);
    if (entry === undefined || head <= Math.max(entry.head, this.#position?.seq ?? 0)) return;
    entry.state = settled(state);
    entry.head = head;
    this.#changed();
  }

  /** Lets go of all but the newest messages. */
  trim(limit: number): void {
    const gone = this.#entries.splice(0, Math.max(0, this.#entries.length - limit));
    for (const { state } of gone) this.#bySeq.delete(state.seq);
    if (gone.length > 0) this.#hasBefore = true;
    this.#changed();
  }

  /** Applies the next event; `false` if it was applied before. */
  apply(event: RoomEvent): boolean {
    const position = this.#position;
    if (position === null || event.seq <= position.seq) return false;
    position.seq = event.seq;
    this.#remember(event);
    if (!this.#stale) {
      this.#fold(event, this.#bySeq);
      if (!this.#hasAfter && event.seq > this.#reach) this.#add(event, this.#entries, this.#bySeq);
      this.#proposals.applied(event);
    }
    this.#changed();
    return true;
  }

  /**
   * Deleted messages that may have been in the thread of a message that is here, so that its `thread_count` may be wrong:
   * read each with `ChatApi.message`, and tell its `thread` with `place`.
   */
  get unplaced(): number[] {
    return [...this.#unplaced.keys()];
  }

  /** Tells in which thread a message is; `undefined`: in none. */
  place(seq: number, thread: number | undefined): void {
    const at = this.#unplaced.get(seq);
    if (at === undefined) return;
    this.#unplaced.delete(seq);
    this.#threadOf.set(seq, thread ?? 0);
    this.#change(this.#bySeq.get(thread ?? 0), at, foldLostAnswer);
    this.#changed();
  }

  /** Shows a change of one's own before it is stored. Its event, or `settle`, ends that. */
  propose(proposal: Proposal): void {
    this.#proposals.add(proposal);
    this.#shown = null;
  }

  /** What became of a proposal: its event is awaited, if it has one that was not applied yet. */
  settle(key: string, { seq }: { seq?: number }): void {
    this.#proposals.settle(key, seq);
    this.#changed();
  }

  /** The proposal was refused, or given up. */
  withdraw(key: string): void {
    this.#proposals.drop(key);
    this.#shown = null;
  }

  /** Whether all events that the page does not show are known. */
  #fits({ epoch, head }: Page): boolean {
    return epoch === this.#position?.epoch && head >= this.#recentFrom;
  }

  /** The page's messages after the events that it does not show; at the end of the history, also the messages that came with them. */
  #taken({ messages, head }: Page, isLast: boolean): Entry[] {
    const entries = messages.map((state) => ({ state: settled(state), head }));
    const bySeq = new Map(entries.map((entry) => [entry.state.seq, entry]));
    for (const event of this.#recent) {
      this.#fold(event, bySeq);
      if (isLast && event.seq > head) this.#add(event, entries, bySeq);
    }
    this.#proposals.seen(messages);
    return entries;
  }

  #remember(event: RoomEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > 2 * REMEMBERED) this.#recentFrom = this.#recent.splice(0, REMEMBERED).at(-1)!.seq;
    if (!isEvent(event, "message") || event.thread === undefined) return;
    this.#threadOf.set(event.seq, event.thread);
    if (this.#threadOf.size > PLACED) this.#threadOf.delete(this.#threadOf.keys().next().value!);
  }

  /** Applies an event to those of the messages that do not show it yet. */
  #fold(event: RoomEvent, among: Map<number, Entry>): void {
    const target = targetOf(event);
    this.#change(among.get(target), event.seq, (state) => fold(state, event, this.#me.user));
    if (isEvent(event, "message") && event.thread !== undefined) {
      this.#change(among.get(event.thread), event.seq, (root) => foldAnswer(root, event));
    }
    if (isEvent(event, "message_deleted")) this.#lostAnswer(target, event.seq, among);
  }

  /** A deletion does not say whether its target was in a thread. */
  #lostAnswer(target: number, seq: number, among: Map<number, Entry>): void {
    if (among.has(target) || this.#bySeq.has(target)) return;
    const thread = this.#threadOf.get(target);
    if (thread !== undefined) return this.#change(among.get(thread), seq, foldLostAnswer);
    for (const { state, head } of among.values()) {
      if (head < seq && state.seq < target && target <= (state.thread_last ?? 0)) this.#unplaced.set(target, seq);
    }
  }

  #change(entry: Entry | undefined, seq: number, change: (state: MessageState) => MessageState): void {
    if (entry !== undefined && entry.head < seq) entry.state = change(entry.state);
  }

  /** Adds a new message at the end, if it belongs here. */
  #add(event: RoomEvent, entries: Entry[], bySeq: Map<number, Entry>): void {
    if (!isEvent(event, "message") || event.thread !== this.thread) return;
    const entry = { state: event, head: event.seq };
    entries.push(entry);
    bySeq.set(event.seq, entry);
  }

  #changed(): void {
    this.#shown = null;
    if (this.#stale) return;
    const position = this.#position?.seq ?? 0;
    this.#proposals.sweep((proposal, seq) => {
      const head = proposal.type === "message" ? this.#reach : (this.#bySeq.get(proposal.target)?.head ?? 0);
      return seq <= Math.max(position, head);
    });
  }
}

/** That the text of a deleted message is erased goes without saying. */
function settled(state: MessageState): MessageState {
  if (state.deleted === undefined) return state;
  const { erased: _, ...rest } = state;
  return rest;
}
