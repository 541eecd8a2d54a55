/**
 * A room as conversation.md describes it, in the plainest way: it keeps everything that ever happened, and computes each
 * state anew from the first event on. Nothing is shared with the client's code.
 */

import type { MessageState, Page, RoomEvent } from "../src/index.ts";

type Json = Record<string, any>;

export class PlainRoom {
  readonly epoch = "e";
  /** The events as they were first told. */
  readonly #log: Json[] = [];

  get head(): number {
    return this.#log.length;
  }

  /** Everything but messages in threads, or one thread; those that are there at `h`. */
  #messages(h: number, thread?: number): Json[] {
    return this.#log.slice(0, h).filter((event) => event["type"] === "message" && event["thread"] === thread);
  }

  /** All messages, the ones in threads, too. */
  get targets(): number[] {
    return this.#log.filter(({ type }) => type === "message").map(({ seq }) => seq);
  }

  isDeleted(seq: number): boolean {
    return this.#deletion(seq, this.head) !== undefined;
  }

  isInThread(seq: number): boolean {
    return this.#log[seq - 1]!["thread"] !== undefined;
  }

  author(seq: number): string {
    return this.#log[seq - 1]!["user"];
  }

  #deletion(seq: number, h: number): Json | undefined {
    return this.#log.slice(0, h).find(({ type, target }) => type === "message_deleted" && target === seq);
  }

  #append(user: string, fields: Json): RoomEvent {
    const seq = this.#log.length + 1;
    const event = { room: 1, seq, user, username: user.toUpperCase(), timestamp: `t${seq}`, ...fields };
    this.#log.push(event);
    return structuredClone(event) as unknown as RoomEvent;
  }

  send(user: string, fields: Json): RoomEvent {
    return this.#append(user, { type: "message", id: this.head + 1, ...fields });
  }

  other(user: string, type: string): RoomEvent {
    return this.#append(user, { type });
  }

  edit(user: string, target: number, change: Json): RoomEvent | null {
    if (this.isDeleted(target)) return null;
    const now = this.state(target, user, this.head) as unknown as Json;
    const after: Json = {};
    for (const field of ["content", "mentions", "mentions_room", "meta"]) {
      const value = change[field] ?? now[field];
      const isEmpty = value === undefined || value === false || (typeof value === "object" && Object.keys(value).length === 0);
      if (!isEmpty) after[field] = value;
    }
    const before = Object.fromEntries(Object.entries(now).filter(([field]) => ["content", "mentions", "mentions_room", "meta"].includes(field)));
    if (JSON.stringify(sorted(before)) === JSON.stringify(sorted(after))) return null;
    return this.#append(user, { type: "message_edited", target, ...after, ...(change["key"] && { key: change["key"] }) });
  }

  delete(user: string, target: number, more: Json = {}): RoomEvent | null {
    return this.isDeleted(target) ? null : this.#append(user, { type: "message_deleted", target, ...more });
  }

  react(user: string, target: number, reaction: string, added: boolean, more: Json = {}): RoomEvent | null {
    const users = this.#reactors(target, reaction, this.head);
    if (this.isDeleted(target) || users.has(user) === added) return null;
    const count = users.size + (added ? 1 : -1);
    return this.#append(user, { type: "reaction", target, reaction, added, count, ...more });
  }

  pin(user: string, target: number, pinned: boolean, more: Json = {}): RoomEvent | null {
    if (this.isDeleted(target) || this.#isPinned(target, this.head) === pinned) return null;
    return this.#append(user, { type: "pin", target, pinned, ...more });
  }

  /** The events after a position as a gap has them now: what is deleted is erased. */
  gap(after: number): RoomEvent[] {
    return this.#log.slice(after).map((event) => {
      const { content: _, mentions: __, mentions_room: ___, meta: ____, ...rest } = event;
      const text = event["type"] === "message" ? event["seq"] : event["type"] === "message_edited" ? event["target"] : 0;
      const isErased = text > 0 && this.isDeleted(text);
      return structuredClone(isErased ? { ...rest, content: "", erased: true } : event) as unknown as RoomEvent;
    });
  }

  #reactors(target: number, reaction: string, h: number): Set<string> {
    const users = new Set<string>();
    for (const event of this.#log.slice(0, h)) {
      if (event["type"] !== "reaction" || event["target"] !== target || event["reaction"] !== reaction) continue;
      if (event["added"]) users.add(event["user"]);
      else users.delete(event["user"]);
    }
    return users;
  }

  /** When the reaction last came to be used. */
  #firstUse(target: number, reaction: string, h: number): number {
    let at = 0;
    for (let seq = 1; seq <= h; seq++) {
      const sizes = [seq - 1, seq].map((end) => this.#reactors(target, reaction, end).size);
      if (sizes[0] === 0 && sizes[1] === 1) at = seq;
    }
    return at;
  }

  #isPinned(target: number, h: number): boolean {
    const pins = this.#log.slice(0, h).filter((event) => event["type"] === "pin" && event["target"] === target);
    return pins.at(-1)?.["pinned"] ?? false;
  }

  /** The message as it is at `h`, for this user. */
  state(seq: number, me: string, h = this.head): MessageState {
    const edits = this.#log.slice(0, h).filter(({ type, target }) => type === "message_edited" && target === seq);
    const deletion = this.#deletion(seq, h);
    const state: Json = { ...this.#log[seq - 1] };
    for (const field of ["content", "mentions", "mentions_room", "meta"]) {
      const value = deletion ? undefined : (edits.at(-1) ?? this.#log[seq - 1])![field];
      if (value === undefined) delete state[field];
      else state[field] = value;
    }
    if (deletion) state["content"] = "";
    const edit = edits.at(-1);
    if (edit) state["edited"] = { seq: edit["seq"], timestamp: edit["timestamp"], count: edits.length };
    const answers = this.#messages(h, seq);
    if (answers.length > 0) {
      state["thread_count"] = answers.filter((answer) => this.#deletion(answer["seq"], h) === undefined).length;
      state["thread_last"] = answers.at(-1)!["seq"];
    }
    if (deletion) {
      const { seq: at, timestamp, user, username } = deletion;
      state["deleted"] = { seq: at, timestamp, user, username };
    } else {
      const reactions = this.#reactions(seq, me, h);
      if (reactions.length > 0) state["reactions"] = reactions;
      if (this.#isPinned(seq, h)) state["pinned"] = true;
    }
    return structuredClone(state) as unknown as MessageState;
  }

  #reactions(seq: number, me: string, h: number): Json[] {
    const used = this.#log.slice(0, h).filter(({ type, target }) => type === "reaction" && target === seq);
    return [...new Set(used.map(({ reaction }) => reaction as string))]
      .map((reaction) => ({ reaction, users: this.#reactors(seq, reaction, h), at: this.#firstUse(seq, reaction, h) }))
      .filter(({ users }) => users.size > 0)
      .sort((one, other) => one.at - other.at)
      .map(({ reaction, users }) => ({ reaction, count: users.size, mine: users.has(me) }));
  }

  /** A page of the history or of a thread, as it is at `h`. */
  page(me: string, query: { limit: number; before?: number; after?: number; thread?: number | undefined; h?: number }): Page {
    const { limit, before, after, thread, h = this.head } = query;
    const all = this.#messages(h, thread).map(({ seq }) => seq as number);
    const asked = all.filter((seq) => (before === undefined || seq < before) && (after === undefined || seq > after));
    const seqs = after === undefined ? asked.slice(-limit) : asked.slice(0, limit);
    const [first = before ?? Infinity, last = after ?? 0] = [seqs[0], seqs.at(-1)];
    return {
      // A server may say of a tombstone that it is erased.
      messages: seqs.map((seq) => (seq % 2 === 0 && this.#deletion(seq, h) ? { ...this.state(seq, me, h), erased: true } : this.state(seq, me, h))),
      head: h,
      epoch: this.epoch,
      has_before: all.some((seq) => seq < first),
      has_after: all.some((seq) => seq > last && (before === undefined || seqs.length > 0 || seq >= before)),
    };
  }
}

function sorted(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1)));
}
