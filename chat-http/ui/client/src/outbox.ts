/** Changes on their way: kept until answered, in order within each room, always under the same key. */

import { backoff } from "./backoff.ts";
import { ChatError } from "./error.ts";
import { flawIn } from "./flaws.ts";
import { Timer, type Clock } from "./platform.ts";
import { isSeq, type Change, type Command, type Frame, type Unread } from "./protocol.ts";

/** What became of a change. */
export interface Done {
  key: string;
  /** The number of the event that it made; none if it changed nothing. */
  seq?: number;
  timestamp?: string;
  /** An earlier try had stored it already. */
  replayed: boolean;
  /** Of a reaction: how many users have it on the message now. */
  count?: number;
}

/** What became of a message: it always makes an event. */
export interface Sent extends Done {
  seq: number;
  timestamp: string;
}

/** What the outbox needs of the client. */
export interface OutboxHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: boolean;
  nextRef(): string;
  send(command: Command): boolean;
}

/** After this long without an answer a change is sent again; the key makes that harmless. */
const ANSWER_MS = 20_000;

/** What an answer says, or `null` if it cannot be understood: then the change is sent again in a while. */
export type Reading<T> = (answer: Frame, change: Change) => T | null;

interface Waiter {
  resolve(result: unknown): void;
  reject(error: ChatError): void;
}

interface Entry {
  change: Change;
  readonly ref: string;
  readonly read: Reading<unknown>;
  /** Who waits for the answer. */
  readonly waiters: Set<Waiter>;
  tries: number;
}

/** The changes to one room, or the marks in it; only the first is ever under way, so that a retry cannot overtake. */
interface Lane {
  readonly name: string;
  readonly entries: Entry[];
  readonly timer: Timer;
  underWay: boolean;
}

export class Outbox {
  readonly #host: OutboxHost;
  readonly #lanes = new Map<string, Lane>();
  readonly #byRef = new Map<string, Lane>();

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** Takes a change; the promise is settled when the server has answered for good. */
  add<T>(change: Change, read: Reading<T>, signal?: AbortSignal): Promise<T> {
    const flaw = flawIn(change);
    if (flaw !== null) return Promise.reject(flaw);
    if (signal?.aborted === true) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const lane = this.#lane(laneOf(change));
      const entry = this.#merged(lane, change) ?? this.#entry(lane, change, read);
      const waiter: Waiter = {
        resolve: (result) => {
          signal?.removeEventListener("abort", abort);
          resolve(result as T);
        },
        reject: (error) => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      const abort = (): void => this.#cancel(lane, entry, waiter);
      signal?.addEventListener("abort", abort);
      entry.waiters.add(waiter);
      this.#pump(lane);
    });
  }

  /** A socket is open: whatever waits goes over it. */
  opened(): void {
    for (const lane of [...this.#lanes.values()]) this.#pump(lane);
  }

  /** The socket is gone, and with it the answer to what was under way. */
  lost(): void {
    for (const lane of this.#lanes.values()) {
      if (!lane.underWay) continue;
      lane.underWay = false;
      lane.timer.clear();
    }
  }

  /** Gives up on everything that waits. */
  rejectAll(error: () => ChatError): void {
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    this.#byRef.clear();
    for (const lane of lanes) {
      lane.timer.clear();
      for (const { waiters } of lane.entries.splice(0)) for (const { reject } of waiters) reject(error());
    }
  }

  /** Takes the frame if it answers a change. */
  answer(frame: Frame): boolean {
    const { ref } = frame;
    const lane = typeof ref === "string" ? this.#byRef.get(ref) : undefined;
    const entry = lane?.entries[0];
    if (lane === undefined || entry === undefined || entry.ref !== ref) return false;
    if (frame.type === "ok") this.#stored(lane, entry, frame);
    else if (frame.type === "error") this.#refused(lane, entry, ChatError.from(frame));
    else return false;
    return true;
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { name, entries: [], timer: new Timer(this.#host.clock), underWay: false };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #entry(lane: Lane, change: Change, read: Reading<unknown>): Entry {
    const entry: Entry = { change, ref: this.#host.nextRef(), read, waiters: new Set(), tries: 0 };
    lane.entries.push(entry);
    this.#byRef.set(entry.ref, lane);
    return entry;
  }

  /** A mark that still waits takes the next one along: whoever scrolls makes many. */
  #merged(lane: Lane, change: Change): Entry | null {
    const last = lane.entries.at(-1);
    if (last === undefined || (lane.underWay && lane.entries.length === 1)) return null;
    const [before, after] = [last.change, change];
    if (before.type !== "read" || after.type !== "read" || before.back === true || after.back === true) return null;
    last.change = { ...before, seq: Math.max(before.seq, after.seq) };
    return last;
  }

  #pump(lane: Lane): void {
    const entry = lane.entries[0];
    // The timer runs while the first change is under way, and while it has to wait.
    if (entry === undefined || lane.timer.running || !this.#host.open) return;
    if (!this.#host.send({ ...entry.change, ref: entry.ref })) return;
    lane.underWay = true;
    lane.timer.set(ANSWER_MS, () => this.#again(lane));
  }

  #again(lane: Lane): void {
    lane.underWay = false;
    this.#pump(lane);
  }

  #stored(lane: Lane, entry: Entry, frame: Frame): void {
    const result = entry.read(frame, entry.change);
    if (result === null) return;
    this.#drop(lane, entry);
    for (const waiter of entry.waiters) waiter.resolve(result);
    this.#pump(lane);
  }

  #refused(lane: Lane, entry: Entry, error: ChatError): void {
    // `too_many` is about what is there already (reactions, pins, edits): it does not pass by itself.
    if (error.retryable && error.code !== "too_many") {
      entry.tries += 1;
      lane.underWay = false;
      const wait = Math.max(error.retryAfterMs ?? 0, backoff(entry.tries, this.#host.random));
      lane.timer.set(wait, () => this.#pump(lane));
      return;
    }
    this.#drop(lane, entry);
    for (const waiter of entry.waiters) waiter.reject(error);
    this.#pump(lane);
  }

  #cancel(lane: Lane, entry: Entry, waiter: Waiter): void {
    entry.waiters.delete(waiter);
    if (entry.waiters.size === 0) this.#drop(lane, entry);
    waiter.reject(cancelled());
    this.#pump(lane);
  }

  /** Takes the entry off its lane; if it was under way, its answer no longer matters. */
  #drop(lane: Lane, entry: Entry): void {
    const index = lane.entries.indexOf(entry);
    if (index < 0) return;
    lane.entries.splice(index, 1);
    this.#byRef.delete(entry.ref);
    if (index === 0) {
      lane.underWay = false;
      lane.timer.clear();
    }
    if (lane.entries.length === 0) this.#lanes.delete(lane.name);
  }
}

/** A mark says nothing that others see, so no message waits for its answer. */
function laneOf({ type, room }: Change): string {
  return type === "read" ? `marks ${room}` : `${room}`;
}

/** The error of a change that nobody waits for any more. It may have been stored all the same. */
export function cancelled(): ChatError {
  return new ChatError("cancelled", "This was cancelled; it may have been stored.");
}

/** The answer to a message. */
export const readSent: Reading<Sent> = (answer, change) => {
  const done = readDone(answer, change);
  return done?.seq !== undefined && done.timestamp !== undefined ? (done as Sent) : null;
};

/** The answer to a change that makes an event, unless all is as it wants already. */
export const readDone: Reading<Done> = ({ seq, timestamp, replayed, count }, change) => ({
  key: "key" in change ? change.key : "",
  ...(isSeq(seq) && { seq }),
  ...(typeof timestamp === "string" && { timestamp }),
  replayed: replayed === true,
  ...(isSeq(count) && { count }),
});

/** The answer to a mark. */
export const readMark: Reading<Unread> = ({ seq, unread, mentions, ordinal }) =>
  isSeq(seq) && isSeq(unread) && isSeq(mentions) && isSeq(ordinal) ? { seq, unread, mentions, ordinal } : null;
