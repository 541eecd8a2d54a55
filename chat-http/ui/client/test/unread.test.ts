/** Badges: what answers and activity say, against counting. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UnreadCounter, type Activity, type Unread } from "../src/index.ts";
import { seeded } from "./fake-clock.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 60) * 5;

const activity = (ordinal: number, user: string, more: { seq?: number; content?: string; mentions_room?: boolean } = {}): Activity => {
  const { seq = ordinal, content = "Hi", mentions_room } = more;
  return {
    type: "activity", room: 1, head: seq, ordinal, last: { seq, user, username: user, content },
    ...(mentions_room && { mentions_room }),
  };
};
const answer = (ordinal: number, unread: number, mentions = 0, seq = 0): Unread => ({ seq, unread, mentions, ordinal });

/** A counter that has an answer. */
const counter = (first: Unread & { head?: number }): UnreadCounter => {
  const unread = new UnreadCounter("me");
  unread.answer(first, unread.ask());
  return unread;
};

test("what an answer says is unread, and each later message of others", () => {
  const badge = counter(answer(20, 3, 1, 7));
  assert.deepEqual([badge.unread, badge.mentions, badge.mark, badge.exact], [3, 1, 7, true]);
  badge.activity(activity(21, "bob"));
  badge.activity(activity(22, "bob"));
  assert.deepEqual([badge.unread, badge.exact], [5, true]);
});

test("before the first answer nothing is known", () => {
  const badge = new UnreadCounter("me");
  badge.activity(activity(21, "bob"));
  assert.deepEqual([badge.unread, badge.exact], [0, false]);
  badge.answer(answer(20, 3), badge.ask());
  assert.deepEqual([badge.unread, badge.exact], [4, true]);
});

test("one's own message makes everything before it read, and does not count itself", () => {
  const badge = counter(answer(20, 3, 1));
  badge.activity(activity(23, "me"));
  assert.deepEqual([badge.unread, badge.mentions, badge.exact], [0, 0, true]);
  badge.activity(activity(24, "bob"));
  assert.deepEqual([badge.unread, badge.exact], [1, true]);
});

test("an answer of before one's own message does not bring back what was read", () => {
  const badge = counter(answer(20, 3));
  const asked = badge.ask();
  badge.activity(activity(22, "me"));
  badge.activity(activity(23, "bob"));
  badge.answer(answer(21, 4, 2), asked);
  assert.deepEqual([badge.unread, badge.mentions], [1, 0]);
});

test("an answer that counts later messages already does not count them twice", () => {
  const badge = counter(answer(20, 3));
  badge.activity(activity(21, "bob"));
  badge.answer(answer(22, 5), badge.ask());
  badge.activity(activity(22, "bob"));
  assert.equal(badge.unread, 5);
});

test("an answer that was asked for before another one came changes nothing", () => {
  const badge = counter(answer(20, 3));
  const asked = badge.ask();
  badge.answer(answer(20, 0, 0, 20));
  badge.answer(answer(20, 3), asked);
  assert.equal(badge.unread, 0);
});

test("an edit of the newest message changes nothing, its deletion has to be asked about", () => {
  const badge = counter(answer(20, 3));
  badge.activity(activity(20, "bob", { content: "edited" }));
  assert.deepEqual([badge.unread, badge.exact], [3, true]);
  const asked = badge.ask();
  badge.activity(activity(20, "bob", { content: "" }));
  assert.equal(badge.exact, false);
  badge.answer(answer(20, 3), asked);
  assert.equal(badge.exact, false, "it was asked for before the deletion");
  badge.answer(answer(20, 2), badge.ask());
  assert.deepEqual([badge.unread, badge.exact], [2, true]);
});

test("several messages at once may be anybody's", () => {
  const badge = counter(answer(20, 0));
  badge.activity(activity(23, "bob"));
  assert.deepEqual([badge.unread, badge.exact], [3, false]);
  badge.answer(answer(23, 1), badge.ask());
  assert.deepEqual([badge.unread, badge.exact], [1, true]);
});

test("what came between the answer and the watch has to be asked about", () => {
  const badge = counter({ ...answer(20, 3), head: 30 });
  badge.attached(30);
  assert.equal(badge.exact, true);
  badge.activity(activity(21, "bob", { seq: 31 }));
  badge.attached(31);
  assert.equal(badge.exact, true, "watched again, and nothing was missed");
  badge.attached(33);
  assert.equal(badge.exact, false);
});

test("mentions are counted at once, and asked about", () => {
  const badge = counter(answer(20, 0));
  badge.mention();
  badge.activity(activity(21, "bob", { mentions_room: true }));
  assert.deepEqual([badge.mentions, badge.exact], [2, false]);
  badge.answer(answer(21, 1, 2), badge.ask());
  assert.deepEqual([badge.mentions, badge.exact], [2, true]);
});

/** A room as the server counts it, and a watch that hears of it now and then. */
class Room {
  readonly log: { user: string; deleted: boolean }[] = [];
  mark = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Somebody sends a message; one's own raises the mark. */
  send(): void {
    const user = this.#random() < 0.2 ? "me" : "bob";
    this.log.push({ user, deleted: false });
    if (user === "me") this.mark = this.log.length;
  }

  get unread(): number {
    return this.log.slice(this.mark).filter(({ user, deleted }) => user !== "me" && !deleted).length;
  }

  get answer(): Unread {
    return { seq: this.mark, unread: this.unread, mentions: 0, ordinal: this.log.length };
  }

  get activity(): Activity {
    const last = this.log.at(-1)!;
    return activity(this.log.length, last.user, { content: last.deleted ? "" : "Hi" });
  }
}

test(`a badge that calls itself exact is, over ${SEEDS} histories`, () => {
  const counts = { exact: 0, asked: 0, old: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seeded(seed);
    const room = new Room(random);
    room.send();
    const badge = counter(room.answer);
    for (let step = 0; step < 60; step++) {
      const messages = random() < 0.7 ? 1 : Math.floor(random() * 4);
      const asked = badge.ask();
      const early = room.answer;
      for (let i = 0; i < messages; i++) room.send();
      if (random() < 0.2) room.log.at(-1)!.deleted = true;
      if (random() < 0.2) {
        room.mark = Math.floor(random() * (room.log.length + 1));
        badge.answer(room.answer); // Another device has read on, or back.
      }
      // The answer may have left before, and arrive before or after the activity.
      const isLate = random() < 0.5;
      if (isLate) badge.activity(room.activity);
      if (random() < 0.3) badge.answer(early, asked);
      if (!isLate) badge.activity(room.activity);
      if (random() < 0.1) {
        counts.asked += 1;
        badge.answer(room.answer, badge.ask());
        assert.ok(badge.exact);
      }
      if (!badge.exact) counts.old += 1;
      else assert.equal(badge.unread, room.unread, `seed ${seed}, step ${step}`);
      if (badge.exact) counts.exact += 1;
    }
  }
  for (const [what, count] of Object.entries(counts)) assert.ok(count > SEEDS, `${what}: ${count}`);
});
