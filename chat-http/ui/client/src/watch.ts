/** A room that is watched: what is new in it is told, its events are not. */

import { backoff } from "./backoff.ts";
import { ChatError, detachedFor } from "./error.ts";
import { callOut, Timer } from "./platform.ts";
import { isSeq, type Activity, type Frame } from "./protocol.ts";
import type { RoomHost, Subscription } from "./room.ts";

/** What a watch tells. All are optional; none is called after `detach` or after `ended`. */
export interface WatchHandlers {
  /** Watched, at first or again: what is new after `head` is told. */
  attached?(head: number): void;
  /** Something is new; at most once a second. */
  activity?(activity: Activity): void;
  /** Over for good: the room was deleted (`null`), one may not read it any more, or the server refuses. */
  ended?(error: ChatError | null): void;
}

/** How long a watch may stay unanswered. */
const ANSWER_MS = 20_000;

export class RoomWatch implements Subscription {
  readonly room: number;
  readonly live = false;
  readonly #host: RoomHost;
  readonly #handlers: WatchHandlers;
  readonly #timer: Timer;
  #over = false;
  #ref = "";
  #tries = 0;

  constructor(host: RoomHost, room: number, handlers: WatchHandlers) {
    this.#host = host;
    this.room = room;
    this.#handlers = handlers;
    this.#timer = new Timer(host.clock);
  }

  opened(): void {
    this.#tries = 0;
    this.#watch();
  }

  lost(): void {
    this.#timer.clear();
    this.#ref = "";
  }

  detach(): void {
    if (this.#over) return;
    this.replaced();
    this.#host.send({ type: "detach", room: this.room });
  }

  /** The room is attached instead, which ends the watch. */
  replaced(): void {
    this.#over = true;
    this.#timer.clear();
    this.#host.forget(this);
  }

  answer(frame: Frame): boolean {
    if (this.#ref === "" || frame["ref"] !== this.#ref) return false;
    if (frame.type === "attached") this.#attached(frame);
    else if (frame.type === "error") this.#refused(ChatError.from(frame));
    else return false;
    return true;
  }

  frame(frame: Frame): void {
    if (frame.type === "activity") callOut(() => this.#handlers.activity?.(frame as unknown as Activity));
    else if (frame.type === "detached") this.#end(detachedFor(frame));
  }

  #watch(): void {
    this.#ref = this.#host.nextRef();
    this.#timer.set(ANSWER_MS, () => this.#again());
    this.#host.send({ type: "attach", room: this.room, ref: this.#ref, events: false });
  }

  #again(): void {
    this.#host.send({ type: "detach", room: this.room });
    this.#watch();
  }

  #attached(frame: Frame): void {
    const { head } = frame;
    if (!isSeq(head)) return;
    this.#timer.clear();
    this.#ref = "";
    this.#tries = 0;
    callOut(() => this.#handlers.attached?.(head));
  }

  #refused(error: ChatError): void {
    if (error.code === "already_attached") return this.#again();
    if (!error.retryable) return this.#end(error);
    this.#tries += 1;
    this.#ref = "";
    this.#timer.set(Math.max(error.retryAfterMs ?? 0, backoff(this.#tries, this.#host.random)), () => this.#watch());
  }

  #end(error: ChatError | null): void {
    this.replaced();
    callOut(() => this.#handlers.ended?.(error));
  }
}
