/** The badge of a room: what an answer says is unread, and what came after it. */

import type { Activity, Unread } from "./protocol.ts";

/** What was known when an answer was asked for. */
export interface Asked {
  readonly answers: number;
  readonly doubts: number;
}

/**
 * How much is unread in a room that is not open, from answers and from the activity of a watch.
 *
 * Each answer (`ChatClient.read`, `ChatApi.myRooms`, the notice `read`) counts up to an ordinal; the activity after it
 * tells by how many messages the room has grown. The sum is exact as long as `exact` says so: an activity that stands for
 * several messages does not tell whose they are, and none tells whether a deleted message was unread. Then ask again, for
 * all rooms at once and not more often than every few seconds.
 *
 * A room that is open has its messages: `Timeline.unreadAfter` counts them.
 */
export class UnreadCounter {
  readonly #me: string;
  #answer: Unread | null = null;
  /** How many messages the room has had. */
  #ordinal = 0;
  /** That number when one's own newest message came, after which nothing older is unread. */
  #ownAt = 0;
  /** The newest event that is known of. */
  #head = 0;
  #mentions = 0;
  #answers = 0;
  #doubts = 0;
  #settled = -1;

  /** `me` is the user's id. */
  constructor(me: string) {
    this.#me = me;
  }

  /** The last message that was read. */
  get mark(): number {
    return this.#answer?.seq ?? 0;
  }

  get unread(): number {
    if (this.#answer === null) return 0;
    const { unread, ordinal } = this.#answer;
    return this.#ownAt > ordinal ? this.#ordinal - this.#ownAt : unread + this.#ordinal - ordinal;
  }

  get mentions(): number {
    return this.#mentions;
  }

  /** Whether the numbers are right: otherwise ask again. */
  get exact(): boolean {
    return this.#settled === this.#doubts;
  }

  /** To be called before an answer is asked for, and to be given to `answer` with it. */
  ask(): Asked {
    return { answers: this.#answers, doubts: this.#doubts };
  }

  /**
   * Takes an answer. One that was asked for before another one came is too old, and changes nothing. One that was not
   * asked for (a notice) leaves doubts as they are. `head` is the room's, where the answer has it.
   */
  answer({ seq, unread, mentions, ordinal, head = 0 }: Unread & { head?: number }, asked?: Asked): void {
    if (asked !== undefined && asked.answers !== this.#answers) return;
    this.#answers += 1;
    this.#answer = { seq, unread, mentions, ordinal };
    this.#ordinal = Math.max(this.#ordinal, ordinal);
    this.#head = Math.max(this.#head, head);
    if (this.#ownAt <= ordinal) this.#mentions = mentions;
    if (asked !== undefined) this.#settled = asked.doubts;
  }

  /** The room is watched from this head on: what came before it, and after the answer, is not told. */
  attached(head: number): void {
    if (head > this.#head) this.#doubts += 1;
  }

  /** The room that is watched has grown, or its newest message was edited or deleted. */
  activity({ head, ordinal, last, mentions_room }: Activity): void {
    const grown = ordinal - this.#ordinal;
    this.#head = Math.max(this.#head, head);
    this.#ordinal = Math.max(this.#ordinal, ordinal);
    if (grown > 0 && last?.user === this.#me) return this.#sent();
    const isDeleted = last?.content === "" && last.seq > this.mark;
    if (grown > 1 || isDeleted) this.#doubts += 1;
    if (mentions_room === true && grown > 0) this.mention();
  }

  /** The user was mentioned in the room. */
  mention(): void {
    this.#mentions += 1;
    this.#doubts += 1; // An answer may have counted it already.
  }

  /** One's own message is the newest: everything before it counts as read. */
  #sent(): void {
    this.#ownAt = this.#ordinal;
    this.#mentions = 0;
    if (this.#answer !== null) this.#settled = this.#doubts;
  }
}
