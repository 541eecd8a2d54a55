/** Messages on their way: kept until answered, in order within each room, always under the same key. */

import { backoff } from "./backoff.ts";
import { Timer, type Clock } from "./platform.ts";
import { ChatError, isSeq, type Command, type Frame } from "./protocol.ts";

/** What became of a message. */
export interface Sent {
  /** Its number in the room's log. */
  seq: number;
  timestamp: string;
  /** An earlier try had stored it already. */
  replayed: boolean;
  key: string;
}

/** What the outbox needs of the client. */
export interface OutboxHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: boolean;
  nextRef(): string;
  send(command: Command): boolean;
}

/** After this long without an answer a message is sent again; the key makes that harmless. */
const ANSWER_MS = 20_000;
/** The server takes frames up to 256 KiB; what surrounds the content fits in the rest. */
const CONTENT_LIMIT = 255 * 1024;
const KEY = /^[\x21-\x7e]{1,64}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Control characters but tabs and line breaks, which are LF or CR LF. */
const CONTROL = /(?![\t\n\r])\p{Cc}|\r(?!\n)/u;

interface Draft {
  readonly content: string;
  readonly key: string;
  readonly ref: string;
  resolve: (sent: Sent) => void;
  reject: (error: ChatError) => void;
  tries: number;
}

/** The messages for one room; only the first is ever under way, so that a retry cannot overtake. */
interface Lane {
  readonly room: number;
  readonly drafts: Draft[];
  readonly timer: Timer;
  underWay: boolean;
}

export class Outbox {
  readonly #host: OutboxHost;
  readonly #lanes = new Map<number, Lane>();
  readonly #byRef = new Map<string, Lane>();

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** Takes a message; the promise is settled when the server has answered for good. */
  add(room: number, content: string, key: string, signal?: AbortSignal): Promise<Sent> {
    const flaw = flawIn(room, content, key);
    if (flaw !== null) return Promise.reject(flaw);
    if (signal?.aborted === true) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const lane = this.#lane(room);
      const draft: Draft = { content, key, ref: this.#host.nextRef(), resolve, reject, tries: 0 };
      lane.drafts.push(draft);
      this.#byRef.set(draft.ref, lane);
      if (signal !== undefined) this.#heed(signal, lane, draft);
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
      for (const draft of lane.drafts.splice(0)) draft.reject(error());
    }
  }

  /** Takes the frame if it answers a message. */
  answer(frame: Frame): boolean {
    const { ref } = frame;
    const lane = typeof ref === "string" ? this.#byRef.get(ref) : undefined;
    const draft = lane?.drafts[0];
    if (lane === undefined || draft === undefined || draft.ref !== ref) return false;
    if (frame.type === "ok") this.#stored(lane, draft, frame);
    else if (frame.type === "error") this.#refused(lane, draft, ChatError.from(frame));
    else return false;
    return true;
  }

  #lane(room: number): Lane {
    let lane = this.#lanes.get(room);
    if (lane === undefined) {
      lane = { room, drafts: [], timer: new Timer(this.#host.clock), underWay: false };
      this.#lanes.set(room, lane);
    }
    return lane;
  }

  #pump(lane: Lane): void {
    const draft = lane.drafts[0];
    // The timer runs while the first message is under way, and while it has to wait.
    if (draft === undefined || lane.timer.running || !this.#host.open) return;
    const { content, key, ref } = draft;
    if (!this.#host.send({ type: "message", room: lane.room, content, key, ref })) return;
    lane.underWay = true;
    lane.timer.set(ANSWER_MS, () => this.#again(lane));
  }

  #again(lane: Lane): void {
    lane.underWay = false;
    this.#pump(lane);
  }

  #stored(lane: Lane, draft: Draft, frame: Frame): void {
    const { seq, timestamp } = frame;
    if (!isSeq(seq) || typeof timestamp !== "string") return;
    this.#drop(lane, draft);
    draft.resolve({ seq, timestamp, replayed: frame["replayed"] === true, key: draft.key });
    this.#pump(lane);
  }

  #refused(lane: Lane, draft: Draft, error: ChatError): void {
    if (error.retryable) {
      draft.tries += 1;
      lane.underWay = false;
      const wait = Math.max(error.retryAfterMs ?? 0, backoff(draft.tries, this.#host.random));
      lane.timer.set(wait, () => this.#pump(lane));
      return;
    }
    this.#drop(lane, draft);
    draft.reject(error);
    this.#pump(lane);
  }

  /** Takes the draft off its lane; if it was under way, its answer no longer matters. */
  #drop(lane: Lane, draft: Draft): void {
    const index = lane.drafts.indexOf(draft);
    if (index < 0) return;
    lane.drafts.splice(index, 1);
    this.#byRef.delete(draft.ref);
    if (index === 0) {
      lane.underWay = false;
      lane.timer.clear();
    }
    if (lane.drafts.length === 0) this.#lanes.delete(lane.room);
  }

  #heed(signal: AbortSignal, lane: Lane, draft: Draft): void {
    const abort = (): void => {
      this.#drop(lane, draft);
      draft.reject(cancelled());
      this.#pump(lane);
    };
    const { resolve, reject } = draft;
    signal.addEventListener("abort", abort, { once: true });
    draft.resolve = (sent) => {
      signal.removeEventListener("abort", abort);
      resolve(sent);
    };
    draft.reject = (error) => {
      signal.removeEventListener("abort", abort);
      reject(error);
    };
  }
}

/** The error of a message that nobody waits for any more. It may have been stored all the same. */
export function cancelled(): ChatError {
  return new ChatError("cancelled", "Sending was cancelled; the message may have been stored.");
}

/**
 * What the server could not answer with this message's `ref`, or would close the socket for, is
 * refused here: the other rooms' connection must not suffer from one bad message.
 */
function flawIn(room: number, content: string, key: string): ChatError | null {
  const invalid = (field: string, why: string): ChatError => new ChatError("invalid_field", why, { field });
  if (!isSeq(room)) return invalid("room", "A room is a whole number.");
  if (typeof key !== "string" || !KEY.test(key)) return invalid("key", "A key is 1 to 64 visible ASCII characters.");
  if (typeof content !== "string") return invalid("content", "The content is not a text.");
  if (CONTROL.test(content) || LONE_SURROGATE.test(content)) {
    return invalid("content", "The content has a character that cannot be sent.");
  }
  if (new TextEncoder().encode(JSON.stringify(content)).length > CONTENT_LIMIT) {
    return new ChatError("too_long", "The message is too long.", { field: "content" });
  }
  return null;
}
