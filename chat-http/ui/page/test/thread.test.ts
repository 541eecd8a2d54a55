/** The thread beside its room, with a server that answers as told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageState, RoomEvent } from "../../client/src/index.ts";
import type { History, Message } from "../api.ts";
import { OpenThread } from "../messages/thread.ts";
import type { Session } from "../session.ts";
import { Timeline } from "../timeline.ts";

const ROOT = 5;
const base = (seq: number) => ({ room: 1, seq, user: "Ada", username: "Ada", timestamp: new Date(seq * 60_000).toISOString() });
const answer = (seq: number): MessageState => ({ type: "message", ...base(seq), id: seq, content: `m${seq}`, thread: ROOT, thread_ordinal: seq });
const root = (thread_count: number, thread_last: number): MessageState => ({ type: "message", ...base(ROOT), id: ROOT, content: "root", thread_count, thread_last });
const deleted = (seq: number, target: number): RoomEvent => ({ type: "message_deleted", ...base(seq), target });
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A thread of these answers, in a room with this head. What is asked for is answered when `answer` is called. */
class Server {
  head: number;
  answers: MessageState[];
  asked: string[] = [];
  #waiting: (() => void)[] = [];
  isHeld = false;

  constructor(seqs: number[], head = seqs.at(-1) ?? ROOT) {
    this.answers = seqs.map(answer);
    this.head = head;
  }

  get root(): MessageState & { head: number } {
    return { ...root(this.answers.length, this.answers.at(-1)?.seq ?? 0), head: this.head };
  }

  async thread(_room: number, _root: number, { before = Infinity, after = 0, limit = 50 }): Promise<History> {
    this.asked.push(before < Infinity ? `before ${before}` : after > 0 ? `after ${after}` : "newest");
    const there = this.answers.filter(({ seq }) => seq < before && seq > after);
    const messages = after > 0 ? there.slice(0, limit) : there.slice(-limit);
    const [first, last] = [messages[0]?.seq ?? before, messages.at(-1)?.seq ?? after];
    const page = { messages: messages as Message[], head: this.head, epoch: "e", has_before: this.answers.some(({ seq }) => seq < first && !messages.some((each) => each.seq === seq)), has_after: this.answers.some(({ seq }) => seq > last) };
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return page;
  }

  async message(_room: number, seq: number): Promise<MessageState & { head: number }> {
    if (seq === ROOT) return this.root;
    this.asked.push(`message ${seq}`);
    return { ...answer(seq), head: this.head };
  }

  release(): void {
    this.isHeld = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  open(): OpenThread {
    const session = { api: this, user: "Me", connection: { online: true } } as unknown as Session;
    const timeline = new Timeline(1, "Me");
    timeline.epoch = "e";
    return new OpenThread({ session, id: 1, info: null, timeline, original: () => null, readAnswer: () => {}, known: () => [] }, ROOT, this.head);
  }
}

const shown = ({ timeline }: OpenThread): string[] => timeline.items.map(({ text, deleted }) => (deleted ? "gone" : text));
const count = ({ timeline }: OpenThread): number | undefined => timeline.get(ROOT)?.message?.thread_count;
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test("the root stands on top, and what comes in the thread behind the others", async () => {
  const thread = new Server([7, 9], 12).open();
  await settled();
  assert.deepEqual([shown(thread), count(thread)], [["root", "m7", "m9"], 2]);
  thread.heard({ ...answer(13), thread: 4 } as RoomEvent);
  thread.heard({ type: "message", ...base(14), content: "in the room" } as RoomEvent);
  thread.heard(answer(15) as RoomEvent);
  assert.deepEqual([shown(thread), count(thread)], [["root", "m7", "m9", "m15"], 3]);
  thread.heard({ type: "message_edited", ...base(16), target: 9, content: "new" } as RoomEvent);
  thread.heard(deleted(17, 7));
  assert.deepEqual([shown(thread), count(thread)], [["root", "gone", "new", "m15"], 2]);
  thread.heard({ type: "reaction", ...base(18), target: ROOT, reaction: "👍", added: true, count: 1 } as RoomEvent);
  assert.equal(thread.timeline.get(ROOT)?.message?.reactions?.length, 1);
});

test("what comes while the first page is read is not lost, and not doubled", async () => {
  const server = new Server([7, 9], 12);
  server.isHeld = true;
  const thread = server.open();
  thread.heard(answer(13) as RoomEvent);
  thread.heard(answer(14) as RoomEvent);
  server.release();
  await settled();
  assert.deepEqual([shown(thread), count(thread)], [["root", "m7", "m9", "m13", "m14"], 4]);
});

test("a long thread is read page by page, with the root before its first message", async () => {
  const server = new Server(range(11, 260), 300);
  const thread = server.open();
  await settled();
  assert.deepEqual([thread.timeline.oldest, thread.timeline.hasBefore, thread.timeline.items.length], [161, true, 100]);
  await thread.loadBefore();
  await thread.loadBefore();
  assert.deepEqual([thread.timeline.oldest, thread.timeline.hasBefore, thread.timeline.items.length], [ROOT, false, 251]);
});

test("a link leads to its message, from where all others can be read", async () => {
  const server = new Server(range(11, 400), 500);
  const thread = server.open();
  void thread.goTo(120);
  await settled();
  assert.ok(thread.timeline.get(120) && thread.timeline.hasAfter);
  assert.deepEqual([thread.timeline.newest, thread.target], [120, { seq: 120 }]);
  thread.heard(answer(501) as RoomEvent);
  await thread.loadAfter();
  assert.equal(thread.timeline.newest, 220);
  await thread.goTo(ROOT);
  assert.deepEqual([shown(thread), thread.timeline.hasAfter], [["root"], true]);
  await thread.goTo(450);
  assert.deepEqual([thread.missing, thread.target], [true, null]);
});

test("after a gap the thread is read anew", async () => {
  const server = new Server([7, 9], 12);
  const thread = server.open();
  await settled();
  server.answers = [7, 21].map(answer);
  server.head = 30;
  thread.missed(30);
  assert.deepEqual(shown(thread), ["root", "m7", "m9"]);
  thread.readAgain();
  await settled();
  assert.deepEqual([shown(thread), count(thread)], [["root", "m7", "m21"], 2]);
  thread.readAgain();
  assert.equal(server.asked.length, 2, "once is enough");
});

test("a deletion of what is not loaded lowers the count, too", async () => {
  const server = new Server(range(11, 260), 300);
  const thread = server.open();
  await settled();
  void thread.goTo(ROOT);
  await settled();
  thread.heard(deleted(301, 50));
  await settled();
  assert.deepEqual([server.asked.at(-1), count(thread)], ["message 50", 249]);
});
