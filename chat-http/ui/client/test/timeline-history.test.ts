/** Timelines over random histories: folding the stream up to h gives exactly the page with head h. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline, type Page, type Proposal, type RoomEvent } from "../src/index.ts";
import { seeded } from "./fake-clock.ts";
import { PlainRoom } from "./plain-room.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 60) * 3;
const USERS = ["ann", "bob", "cat"];
const ME = "ann";
const me = { user: ME, username: "ANN" };
/** How often things have happened, to be sure that they do. */
const counts = {
  checks: 0, erased: 0, late: 0, early: 0, refused: 0, resyncs: 0, placed: 0, proposals: 0, overlays: 0, appended: 0, unread: 0,
};

/** Something that arrives later. */
interface Parcel {
  at: number;
  open(): void;
}

/** A room, its users, and one user's timeline behind a network that delays. */
class History {
  readonly room = new PlainRoom();
  readonly timeline: Timeline;
  readonly #random: () => number;
  readonly #thread: number | undefined;
  /** Events that the client has not got yet, as they were told. */
  #stream: RoomEvent[] = [];
  #attached = false;
  #parcels: Parcel[] = [];
  #time = 0;
  #keys = 0;
  /** Which heads pages and answers have shown each message at. */
  readonly #served = new Map<number, number[]>();

  constructor(seed: number, isThread: boolean) {
    this.#random = seeded(seed);
    for (let i = this.#int(30); i >= 0; i--) this.#act();
    const roots = this.room.targets.filter((seq) => !this.room.isInThread(seq));
    this.#thread = isThread && roots.length > 0 ? this.#pick(roots) : undefined;
    this.timeline = new Timeline({ room: 1, me, ...(this.#thread !== undefined && { thread: this.#thread }) });
    this.#start();
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(all: T[]): T {
    return all[this.#int(all.length)]!;
  }

  #later(open: () => void): void {
    this.#parcels.push({ at: this.#time + this.#int(12), open });
  }

  /** Reads a page and attaches where it ends, or attaches and reads meanwhile; sometimes in the middle of the history. */
  #start(): void {
    if (this.#random() < 0.5) {
      const after = this.#random() < 0.4 ? this.#int(this.room.head) : undefined;
      assert.ok(this.timeline.reset(this.#page({ after })));
      this.#attached = true;
      return;
    }
    this.timeline.begin({ epoch: "e", seq: this.room.head });
    this.#attached = true;
    this.#read();
  }

  #page({ before, after }: { before?: number | undefined; after?: number | undefined }): Page {
    const query = { limit: 1 + this.#int(8), thread: this.#thread };
    const page = this.room.page(ME, { ...query, ...(before !== undefined && { before }), ...(after !== undefined && { after }) });
    for (const { seq } of page.messages) this.#serve(seq);
    return page;
  }

  #serve(seq: number): void {
    this.#served.set(seq, [...(this.#served.get(seq) ?? []), this.room.head]);
  }

  /** Reads the newest page, again and again until it is taken. */
  #read(): void {
    const page = this.#page({});
    this.#later(() => {
      this.#compare(page);
      if (this.timeline.reset(page)) return;
      counts.refused += 1;
      this.#read();
    });
  }

  #compare({ head }: Page): void {
    const position = this.timeline.position?.seq ?? 0;
    if (head < position) counts.late += 1;
    if (head > position) counts.early += 1;
  }

  step(): void {
    this.#time += 1;
    const dice = this.#random();
    if (dice < 0.48) this.#act();
    else if (dice < 0.55) this.#propose();
    else if (dice < 0.75) this.#deliver(1 + this.#int(4));
    else if (dice < 0.85) this.#more();
    else if (dice < 0.9) this.#reconnect();
    else if (dice < 0.92) this.#resync();
    else if (dice < 0.94) this.timeline.trim(3 + this.#int(10));
    else if (dice < 0.97) this.#put();
    else this.#jump();
    this.#open((parcel) => parcel.at <= this.#time);
    this.#place();
    this.check();
  }

  /** Everything that is on its way arrives, and everything is as the room has it. */
  finish(): void {
    for (let round = 0; round < 50; round++) {
      this.#open(() => true);
      this.#deliver(Infinity);
      this.#place();
    }
    assert.equal(this.timeline.stale, false);
    assert.equal(this.timeline.position?.seq, this.room.head);
    while (this.timeline.hasAfter) assert.ok(this.#append());
    while (this.timeline.hasBefore) assert.ok(this.#prepend());
    this.check();
    const { messages } = this.room.page(ME, { limit: Infinity, thread: this.#thread });
    const whole = messages.map(({ erased: _, ...state }) => state);
    assert.deepEqual(this.timeline.messages, whole);
    assert.deepEqual(this.timeline.shown, whole, "no proposal is left");
  }

  #open(isDue: (parcel: Parcel) => boolean): void {
    const due = this.#parcels.filter(isDue);
    this.#parcels = this.#parcels.filter((parcel) => !due.includes(parcel));
    for (const parcel of due) parcel.open();
  }

  /** Somebody does something. */
  #act(): void {
    const user = this.#pick(USERS);
    const targets = this.room.targets;
    const dice = this.#random();
    if (targets.length === 0 || dice < 0.35) this.#tell(this.room.send(user, this.#draft()));
    else if (dice < 0.4) this.#tell(this.room.other(user, this.#pick(["room_updated", "from_the_future", "member"])));
    else this.#tell(this.#change(user, this.#pick(targets), {}));
  }

  #draft(): object {
    const roots = this.room.targets.filter((seq) => !this.room.isInThread(seq));
    const thread = this.#random() < 0.4 && roots.length > 0 ? this.#pick(roots.slice(-4)) : undefined;
    return {
      content: `text ${this.#int(1e6)}`,
      ...(thread !== undefined && { thread, thread_ordinal: 1 }),
      ...(this.#random() < 0.3 && { mentions: [this.#pick(USERS)] }),
      ...(this.#random() < 0.2 && { mentions_room: true }),
      ...(this.#random() < 0.3 && { meta: { n: this.#int(9) } }),
    };
  }

  #change(user: string, target: number, more: object): RoomEvent | null {
    const dice = this.#random();
    if (dice < 0.25) return this.room.edit(user, target, { ...this.#edit(), ...more });
    if (dice < 0.4) return this.room.delete(user, target, more);
    if (dice < 0.9) return this.room.react(user, target, this.#pick(["👍", "🎉", "x"]), this.#random() < 0.6, more);
    return this.room.pin(user, target, this.#random() < 0.6, more);
  }

  #edit(): { content: string } {
    return {
      content: `edit ${this.#int(1e6)}`,
      ...(this.#random() < 0.4 && { mentions: this.#pick([[], ["bob"]]) }),
      ...(this.#random() < 0.4 && { mentions_room: this.#random() < 0.5 }),
      ...(this.#random() < 0.4 && { meta: this.#pick([{}, { n: 1 }]) }),
    };
  }

  #tell(event: RoomEvent | null): void {
    if (event !== null && this.#attached) this.#stream.push(event);
  }

  #deliver(count: number): void {
    for (const event of this.#stream.splice(0, count)) {
      if ("erased" in event) counts.erased += 1;
      assert.ok(this.timeline.apply(event));
      assert.equal(this.timeline.apply(event), false, "no event counts twice");
    }
  }

  /** The connection breaks: what was on its way comes as a gap, as it is now. */
  #reconnect(): void {
    const { position } = this.timeline;
    if (position !== null) this.#stream = this.room.gap(position.seq);
  }

  /** Too much was missed. */
  #resync(): void {
    counts.resyncs += 1;
    this.#stream = [];
    this.timeline.begin({ epoch: "e", seq: this.room.head });
    if (this.#random() < 0.5) this.#read();
    else this.#later(() => this.#read());
  }

  /** To somewhere in the middle. */
  #jump(): void {
    if (!this.timeline.stale) this.timeline.reset(this.#page({ after: this.#int(this.room.head) }));
  }

  #more(): void {
    if (this.timeline.hasAfter && this.#random() < 0.5) this.#append(true);
    else if (this.timeline.hasBefore) this.#prepend(true);
  }

  #prepend(late = false): boolean {
    const before = this.timeline.messages[0]?.seq;
    if (before === undefined) return this.timeline.reset(this.#page({}));
    const page = this.#page({ before });
    return this.#arrive(page, late, () => this.timeline.prepend(page, before));
  }

  #append(late = false): boolean {
    const after = this.timeline.messages.at(-1)?.seq;
    if (after === undefined) return this.timeline.reset(this.#page({}));
    const page = this.#page({ after });
    counts.appended += 1;
    return this.#arrive(page, late, () => this.timeline.append(page, after));
  }

  #arrive(page: Page, late: boolean, take: () => boolean): boolean {
    if (!late) return take();
    this.#later(() => {
      this.#compare(page);
      if (!take()) counts.refused += 1;
    });
    return true;
  }

  #put(): void {
    const message = this.timeline.messages[0];
    if (message === undefined) return;
    const state = { ...this.room.state(message.seq, ME), head: this.room.head };
    this.#serve(message.seq);
    this.#later(() => this.timeline.put(state));
  }

  #place(): void {
    for (const seq of this.timeline.unplaced) {
      counts.placed += 1;
      this.timeline.place(seq, this.room.state(seq, ME).thread);
    }
  }

  /** I do something: it is shown at once, stored a little later, answered still later or never. */
  #propose(): void {
    counts.proposals += 1;
    const key = `k${++this.#keys}`;
    const { messages } = this.timeline;
    const target = messages.length > 0 ? this.#pick(messages).seq : 0;
    const proposal = this.#proposal(key, target);
    this.timeline.propose(proposal);
    this.#showsProposal(proposal);
    const isRefused = this.#random() < 0.1;
    this.#later(() => {
      const event = isRefused ? null : this.#store(proposal);
      this.#tell(event);
      const answer = (): void => (isRefused ? this.timeline.withdraw(key) : this.timeline.settle(key, event ? { seq: event.seq } : {}));
      if (this.#random() < 0.5) answer();
      else this.#later(answer);
    });
  }

  #proposal(key: string, target: number): Proposal {
    const dice = target === 0 ? 0 : this.#random();
    if (dice < 0.3) {
      const thread = this.#thread === undefined ? {} : { thread: this.#thread };
      return { type: "message", key, content: `mine ${key}`, timestamp: "now", ...thread };
    }
    if (dice < 0.5) return { type: "edit", key, target, ...this.#edit() };
    if (dice < 0.6) return { type: "delete", key, target, timestamp: "now" };
    if (dice < 0.9) return { type: "react", key, target, reaction: "👍", added: this.#random() < 0.6 };
    return { type: "pin", key, target, pinned: this.#random() < 0.6 };
  }

  #store(proposal: Proposal): RoomEvent | null {
    const { key } = proposal;
    switch (proposal.type) {
      case "message": {
        const thread = proposal.thread === undefined ? {} : { thread: proposal.thread, thread_ordinal: 1 };
        return this.room.send(ME, { content: proposal.content, key, ...thread });
      }
      case "edit": {
        const { type: _, target, ...change } = proposal;
        return this.room.edit(ME, target, change);
      }
      case "delete":
        return this.room.delete(ME, proposal.target, { key });
      case "react":
        return this.room.react(ME, proposal.target, proposal.reaction, proposal.added, { key });
      case "pin":
        return this.room.pin(ME, proposal.target, proposal.pinned, { key });
    }
  }

  #showsProposal(proposal: Proposal): void {
    const shown = this.timeline.shown.find((each) => each.pending?.includes(proposal.key));
    if (proposal.type === "message") {
      assert.equal(shown === undefined, this.timeline.hasAfter);
      return;
    }
    if (shown === undefined) return; // The target is deleted, in truth or by another proposal.
    counts.overlays += 1;
    const mine = shown.reactions?.find(({ reaction }) => reaction === "👍")?.mine ?? false;
    if (proposal.type === "edit") assert.equal(shown.content, proposal.content);
    if (proposal.type === "delete") assert.deepEqual([shown.content, shown.deleted?.user], ["", ME]);
    if (proposal.type === "react") assert.equal(mine, proposal.added);
    if (proposal.type === "pin") assert.equal(shown.pinned ?? false, proposal.pinned);
  }

  /** Every message is as it is at the position, unless its page was read later than that. */
  check(): void {
    const { timeline, room } = this;
    const h = timeline.position?.seq ?? 0;
    if (timeline.stale) return;
    const seqs = timeline.messages.map(({ seq }) => seq);
    assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other));
    const keys = timeline.shown.flatMap(({ key }) => key ?? []);
    assert.equal(new Set(keys).size, keys.length, "no message is shown twice");
    for (const message of timeline.messages) {
      const heads = [h, ...(this.#served.get(message.seq) ?? [])].filter((head) => head >= Math.max(h, message.seq));
      const expected = heads.map((head) => JSON.stringify(sorted(room.state(message.seq, ME, head))));
      if (message.erased) assert.ok(room.isDeleted(message.seq), "erased before its deletion comes");
      else assert.ok(expected.includes(JSON.stringify(sorted(message))), `${JSON.stringify(message)} is none of ${expected.join(" ")}`);
      counts.checks += 1;
    }
    this.#checkUnread(h);
  }

  /** What is unread is exact, unless the mark is before what is here. */
  #checkUnread(h: number): void {
    const mark = this.#int(h + 2);
    const unread = this.timeline.unreadAfter(mark);
    if (unread === null || this.timeline.messages.some((message) => this.#served.get(message.seq)?.some((head) => head > h))) return;
    counts.unread += 1;
    const { messages } = this.room.page(ME, { limit: Infinity, thread: this.#thread, h });
    assert.equal(unread, messages.filter(({ seq, user, deleted }) => seq > mark && user !== ME && !deleted).length);
  }
}

/** The same fields in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}

for (const [what, isThread] of [["a room", false], ["a thread", true]] as const) {
  test(`folding the stream gives the page, over ${SEEDS} histories of ${what}`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const history = new History(seed, isThread);
        for (let i = 0; i < 60; i++) history.step();
        history.finish();
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      }
    }
  });
}

test("all that can happen has happened", () => {
  if (process.env["VERBOSE"]) console.log(counts);
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 0, `${what} never happened`);
});
