/** One room's subscription: where it is in the log, and what has to happen so that nothing is missed. */

import { backoff } from "./backoff.ts";
import { ChatError, detachedFor } from "./error.ts";
import type { Identity, Position, RoomEvent } from "./events.ts";
import { callOut, Timer, type Clock } from "./platform.ts";
import {
  asEvent,
  headOf,
  isKnownEvent,
  identityOf,
  marksOf,
  presenceOf,
  type Command,
  type Frame,
  type PresenceList,
  type ReadMark,
} from "./protocol.ts";

/** What an attachment tells. All are optional; none is called after `detach` or after `ended`. */
export interface RoomHandlers {
  /** Attached, at first or again, without a loss: the missed events up to `head` follow at once. */
  attached?(head: Position): void;
  /** The next event: each exactly once, in the order of `seq`, also over reconnects. */
  event?(event: RoomEvent): void;
  /** Attached, but too much was missed: the events up to `head` will not come, read history anew. */
  resync?(head: Position): void;
  /** Everyone who is in the room. */
  presence?(list: PresenceList): void;
  join?(identity: Identity): void;
  leave?(identity: Identity): void;
  /** Who is typing: how many, and those of them who began first (5 at most). Nobody if empty. */
  typing?(identities: Identity[], count: number): void;
  /** Some users have read on; at most once a second, and not in very large rooms. */
  reads?(marks: ReadMark[]): void;
  /**
   * Over for good: the room was deleted (`null`), the server refuses to attach, or the user may not read the room any
   * more (the code says why: `removed`, `banned`, `private`, `left`).
   */
  ended?(error: ChatError | null): void;
}

/** A subscription to a room, until `detach`. */
export interface Attachment {
  readonly room: number;
  /** The last event that was handed over; `null` until attached for the first time. */
  readonly position: Position | null;
  detach(): void;
}

export interface AttachOptions {
  /** Where to go on from. Without it: from the head, whatever that is when attached. */
  after?: Position;
  /** Whether to be shown as present; yes, unless told otherwise. */
  presence?: boolean;
}

/** What the client knows of a room that is attached or watched. */
export interface Subscription {
  readonly room: number;
  /** Whether events come live. */
  readonly live: boolean;
  /** A socket is open. */
  opened(): void;
  /** The socket is gone. */
  lost(): void;
  /** Takes the frame if it answers this subscription's attach. */
  answer(frame: Frame): boolean;
  /** A frame of this room that answers nothing. */
  frame(frame: Frame): void;
}

/** What a subscription needs of the client. */
export interface RoomHost {
  readonly clock: Clock;
  readonly random: () => number;
  nextRef(): string;
  send(command: Command): boolean;
  /** The subscription is over and must be forgotten. */
  forget(room: Subscription): void;
}

/** How long an attach may stay unanswered; doubled with each try, since a busy server needs more. */
const ANSWER_MS = 20_000;
/** Frames of unknown kinds that are kept until it is known whether they are events. */
const HELD_LIMIT = 1_000;

type Phase = "idle" | "attaching" | "live" | "over";

export class RoomSubscription implements Attachment, Subscription {
  readonly room: number;
  readonly #host: RoomHost;
  readonly #handlers: RoomHandlers;
  readonly #presence: boolean;
  /** The end of the wait for an answer, or the next try. */
  readonly #timer: Timer;
  #phase: Phase = "idle";
  #position: Position | null;
  #ref = "";
  #tries = 0;
  /** The head that the answer to the attach leads to, while more of it is to come. */
  #promised: number | null = null;
  #held = new Map<number, RoomEvent | null>();
  #typists: Identity[] = [];
  /** How many type: more than are named, when they are many. */
  #typing = 0;

  constructor(host: RoomHost, room: number, handlers: RoomHandlers, options: AttachOptions) {
    this.#host = host;
    this.room = room;
    this.#handlers = handlers;
    this.#presence = options.presence ?? true;
    this.#position = copy(options.after);
    this.#timer = new Timer(host.clock);
  }

  get position(): Position | null {
    return copy(this.#position);
  }

  get live(): boolean {
    return this.#phase === "live";
  }

  opened(): void {
    this.#tries = 0;
    this.#attach();
  }

  lost(): void {
    if (this.#phase === "over") return;
    this.#phase = "idle";
    this.#timer.clear();
    this.#promised = null;
    this.#held.clear();
    this.#showTypists({ identities: [], count: 0 });
  }

  detach(): void {
    if (this.#phase === "over") return;
    const attached = this.#phase !== "idle";
    this.#finish();
    if (attached) this.#host.send({ type: "detach", room: this.room });
  }

  answer(frame: Frame): boolean {
    if (this.#phase !== "attaching" || frame["ref"] !== this.#ref) return false;
    if (frame.type === "attached" || frame.type === "resync") this.#attached(frame);
    else if (frame.type === "error") this.#refused(ChatError.from(frame));
    else return false;
    return true;
  }

  frame(frame: Frame): void {
    // Until the attach is answered, whatever comes belongs to an attachment before it.
    if (this.#phase !== "live") return;
    switch (frame.type) {
      case "user_list":
        this.#call(() => this.#handlers.presence?.(presenceOf(frame)));
        break;
      case "join":
        this.#identity(frame, (identity) => this.#handlers.join?.(identity));
        break;
      case "leave":
        this.#identity(frame, (identity) => {
          this.#stopped(identity.user);
          this.#handlers.leave?.(identity);
        });
        break;
      case "typing":
        this.#showTypists(presenceOf(frame));
        break;
      case "read":
        this.#call(() => this.#handlers.reads?.(marksOf(frame)));
        break;
      case "events":
        this.#continued(frame);
        break;
      case "detached":
        this.#end(detachedFor(frame));
        break;
      default:
        this.#live(frame);
    }
  }

  #attach(): void {
    this.#phase = "attaching";
    this.#ref = this.#host.nextRef();
    this.#promised = null;
    this.#held.clear();
    this.#timer.set(ANSWER_MS * 2 ** Math.min(this.#tries, 4), () => this.#attachAnew());
    this.#host.send({
      type: "attach",
      room: this.room,
      ref: this.#ref,
      ...(this.#position !== null && { after: this.#position }),
      presence: this.#presence,
    });
  }

  /** Attaches again on the same socket, from the position. */
  #attachAnew(): void {
    this.#tries += 1;
    this.#host.send({ type: "detach", room: this.room });
    this.#attach();
  }

  #attached(frame: Frame): void {
    const head = headOf(frame);
    if (head === null) return; // Not an answer that can be understood: asked again when the time is up.
    this.#timer.clear();
    this.#tries = 0;
    this.#phase = "live";
    this.#showTypists({ identities: [], count: 0 }); // The server tells anew who types, if anyone does.
    const gap = frame.type === "attached" ? gapOf(frame, this.#position, head) : null;
    if (gap === null) {
      this.#position = copy(head);
      this.#call(() => this.#handlers.resync?.({ ...head }));
      return;
    }
    this.#position ??= copy(head);
    this.#call(() => this.#handlers.attached?.({ ...head }));
    if (frame["more"] === true) this.#await(head.seq);
    for (const event of gap) {
      if (!this.live) return;
      this.#deliver(event);
    }
  }

  /** More of the answer is to come; if it does not, the room is attached again from where it is. */
  #await(head: number): void {
    this.#promised = head;
    this.#timer.set(ANSWER_MS, () => this.#attachAnew());
  }

  /** The rest of an answer that one frame did not hold. */
  #continued(frame: Frame): void {
    const head = this.#promised;
    if (head === null) return;
    if (frame["more"] === true) {
      this.#await(head);
    } else {
      this.#promised = null;
      this.#timer.clear();
    }
    for (const value of Array.isArray(frame["events"]) ? frame["events"] : []) {
      const event = asEvent(value);
      const { seq } = this.#position ?? { seq: 0 };
      if (event === null || event.seq > seq + 1) return this.#attachAnew();
      if (event.seq === seq + 1) this.#deliver(event);
      if (!this.live) return;
    }
    if (this.#promised === null && (this.#position?.seq ?? 0) < head) this.#attachAnew();
  }

  #refused(error: ChatError): void {
    if (error.code === "already_attached") {
      this.#attachAnew();
    } else if (error.retryable) {
      this.#tries += 1;
      const wait = Math.max(error.retryAfterMs ?? 0, backoff(this.#tries, this.#host.random));
      this.#timer.set(wait, () => this.#attach());
      this.#ref = "";
    } else {
      this.#end(error);
    }
  }

  /** A live frame that is an event, or may be one. */
  #live(frame: Frame): void {
    const event = asEvent(frame);
    const position = this.#position;
    if (event === null || position === null || event.seq <= position.seq) return;
    if (!isKnownEvent(frame)) {
      // Events and signals of kinds that are not known look alike. It is kept, and handed over when a
      // known event shows that its number belongs to the log. Two with one number: neither is trusted.
      const { seq } = event;
      if (this.#held.size < HELD_LIMIT) this.#held.set(seq, this.#held.has(seq) ? null : event);
      return;
    }
    for (let seq = position.seq + 1; seq < event.seq; seq++) {
      const held = this.#held.get(seq);
      if (held == null) {
        this.#attachAnew(); // A hole: what is missing comes with the answer.
        return;
      }
      this.#deliver(held);
      if (!this.live) return;
    }
    this.#deliver(event);
  }

  #deliver(event: RoomEvent): void {
    const epoch = this.#position?.epoch ?? "";
    this.#position = { epoch, seq: event.seq };
    this.#held.delete(event.seq);
    if (event.type === "message" && "user" in event) this.#stopped(event.user);
    this.#call(() => this.#handlers.event?.(event));
    if (event.type === "room_deleted" && this.live) this.#end(null);
  }

  /** The user has sent or left, which implies that they no longer type. */
  #stopped(user: string): void {
    if (this.#typists.some((identity) => identity.user === user)) {
      const identities = this.#typists.filter((identity) => identity.user !== user);
      this.#showTypists({ identities, count: this.#typing - 1 });
    }
  }

  #showTypists({ identities, count }: Pick<PresenceList, "identities" | "count">): void {
    if (count === 0 && this.#typing === 0) return;
    this.#typists = identities;
    this.#typing = Math.max(count, identities.length);
    this.#call(() => this.#handlers.typing?.([...identities], this.#typing));
  }

  #identity(frame: Frame, handle: (identity: Identity) => void): void {
    const identity = identityOf(frame);
    if (identity !== null) this.#call(() => handle(identity));
  }

  #end(error: ChatError | null): void {
    this.#finish();
    callOut(() => this.#handlers.ended?.(error));
  }

  #finish(): void {
    this.#phase = "over";
    this.#timer.clear();
    this.#held.clear();
    this.#host.forget(this);
  }

  #call(run: () => void): void {
    if (this.#phase !== "over") callOut(run);
  }
}

/** Only what a position consists of: the server refuses a command with anything else in it. */
function copy(position: Position | null | undefined): Position | null {
  return position ? { epoch: position.epoch, seq: position.seq } : null;
}

/**
 * The events after the position, or `null` if the answer does not lead from it to the head without a
 * hole (as far as it goes, if there is `more` to come): then it is as good as a `resync`.
 */
function gapOf(frame: Frame, position: Position | null, head: Position): RoomEvent[] | null {
  if (position === null) return [];
  if (head.epoch !== position.epoch || head.seq < position.seq) return null;
  const gap: RoomEvent[] = [];
  for (const value of Array.isArray(frame["events"]) ? frame["events"] : []) {
    const event = asEvent(value);
    if (event === null || event.seq !== position.seq + gap.length + 1) return null;
    gap.push(event);
  }
  return position.seq + gap.length === head.seq || frame["more"] === true ? gap : null;
}
