/** The client: many rooms over one socket that comes back by itself. */

import { Connection, type ConnectionState } from "./connection.ts";
import { ChatError } from "./error.ts";
import type { Identity, MessageFields } from "./events.ts";
import { authorized, type Fetch, type TokenSource } from "./http.ts";
import { cancelled, Outbox, readDone, readMark, readSent, type Done, type OutboxHost, type Reading, type Sent } from "./outbox.ts";
import {
  browserNetwork,
  callOut,
  systemClock,
  type Clock,
  type NetworkHints,
  type WebSocketConstructor,
} from "./platform.ts";
import { isSeq, noticeOf, type Change, type Command, type Frame, type Notice, type Unread } from "./protocol.ts";
import {
  RoomSubscription,
  type Attachment,
  type AttachOptions,
  type RoomHandlers,
  type RoomHost,
  type Subscription,
} from "./room.ts";
import { StreamSocket } from "./stream.ts";
import { TypingThrottle } from "./typing.ts";
import { uuidv7 } from "./uuid.ts";
import { RoomWatch, type WatchHandlers } from "./watch.ts";

/** How a client is set up. Only `url` is needed in a browser. */
export interface ClientOptions {
  /**
   * The address of `/ws/chat`, with whatever says who the user is (`?username=…` or a token). A
   * function is asked before every connection, so it can fetch a fresh token; if it fails, that
   * counts as a failed attempt.
   */
  url: string | (() => string | Promise<string>);
  /**
   * Gives a token that says who the user is, where neither the address nor a cookie does. It is asked before every
   * connection, again when the server says that the last one is about to end, and, without a WebSocket, before every
   * request; if it fails, that counts as a failed attempt.
   */
  token?: TokenSource;
  /** The global one by default; in Node before 22 the `ws` package's. */
  WebSocket?: WebSocketConstructor;
  clock?: Clock;
  /** A number from 0 up to 1, for the jitter. */
  random?: () => number;
  /**
   * Where no WebSocket can be opened but HTTP gets through, rooms are heard over event streams and messages
   * sent over REST, with this: the global one by default; `null`: never. Typing is not told then.
   */
  fetch?: Fetch | null;
  /** The window's events by default. */
  network?: NetworkHints;
}

export interface ChangeOptions {
  /** The idempotency key; a new UUIDv7 by default. The event that the change makes carries it too. */
  key?: string;
  /** Gives up waiting. A change that is under way may be stored all the same. */
  signal?: AbortSignal;
}

export interface SendOptions extends ChangeOptions, MessageFields {
  /** The message that this one answers. */
  reply_to?: number;
  /** The message whose thread this one is in. */
  thread?: number;
}

/** What a message becomes. A field that is left out stays as it is; `[]`, `false` and `{}` clear. */
export interface Edit extends MessageFields {
  content: string;
}

/**
 * A realtime chat client.
 *
 * It holds one socket, opens it again whenever it ends, resumes every room from its position and
 * sends every message until it is answered, always under the same key: so each event is handed over
 * exactly once and in order, and no message is stored twice.
 *
 * @example
 * ```ts
 * const client = new ChatClient({ url: "/ws/chat?username=Alice" });
 * client.start();
 * client.attach(1, { event: (event) => isMessage(event) && console.log(event.username, event.content) });
 * await client.send(1, "Hello!");
 * ```
 */
export class ChatClient {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #typing: TypingThrottle;
  readonly #rooms = new Map<number, Subscription>();
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #noticeListeners = new Set<(notice: Notice) => void>();
  readonly #clock: Clock;
  readonly #random: () => number;
  #refs = 0;
  #identity: Identity | null = null;

  constructor(options: ClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    const host = this.#host();
    this.#outbox = new Outbox(host);
    this.#typing = new TypingThrottle(() => this.#clock.now());
    this.#connection = new Connection(
      {
        url: options.url,
        token: options.token ?? null,
        WebSocket: options.WebSocket ?? globalWebSocket(),
        clock: this.#clock,
        random: this.#random,
        network: options.network ?? browserNetwork,
        fallback: this.#fallback(options.fetch, options.token),
      },
      {
        opened: () => this.#opened(),
        frame: (frame) => this.#frame(frame),
        lost: () => this.#lost(),
        state: (state) => this.#stateChanged(state),
      },
    );
  }

  /** How it stands with the connection. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Calls `listener` on every change of the state; the answer ends that. */
  onState(listener: (state: ConnectionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  /** Who the server says one is; `null` before it has said so. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /**
   * Calls `listener` with what concerns the user in any room; the answer ends that. Notices may be lost: after `missed`,
   * and after each `hello`, `ChatApi.myRooms` tells how things stand.
   */
  onNotice(listener: (notice: Notice) => void): () => void {
    this.#noticeListeners.add(listener);
    return () => void this.#noticeListeners.delete(listener);
  }

  /**
   * Connects, and never gives up: every failed attempt is followed by another, with growing and
   * jittered pauses of at most 30 s, and at once when the network or the page comes back. Only a
   * server that says to stay away ends it (`refused`); calling `start` again then tries once more.
   */
  start(): void {
    this.#connection.start();
  }

  /** Closes the connection. Changes that are not answered yet are rejected as `cancelled`. */
  stop(): void {
    this.#connection.stop();
    this.#outbox.rejectAll(cancelled);
  }

  /**
   * Follows a room, until `detach` or `ended`, over reconnects. If it was watched, that ends.
   *
   * @throws {ChatError} `already_attached` if the client follows the room already: detach first, and
   *   go on from that attachment's position.
   */
  attach(room: number, handlers: RoomHandlers, options: AttachOptions = {}): Attachment {
    const watch = this.#rooms.get(room);
    if (watch instanceof RoomWatch) watch.replaced();
    return this.#subscribe(new RoomSubscription(this.#host(), room, handlers, options));
  }

  /**
   * Watches a room: at most once a second it is told that there is something new, and what is newest. Up to 1,000 rooms
   * can be watched, beside the 128 that can be attached; others do not see it.
   *
   * @throws {ChatError} `already_attached` if the client follows or watches the room already.
   */
  watch(room: number, handlers: WatchHandlers): Pick<Attachment, "room" | "detach"> {
    return this.#subscribe(new RoomWatch(this.#host(), room, handlers));
  }

  /**
   * Sends a message, attached or not. It waits for a connection if there is none, and is tried again
   * under the same key until it is answered; what changes one room keeps its order.
   *
   * @returns what became of it, as soon as it is stored.
   * @throws {ChatError} if the server's refusal is final, if it was `cancelled`, or if the server told
   *   the client to stay away (`refused`). After the last two it may have been stored: trying again
   *   with the same key never doubles it. The other changes below do the same.
   */
  send(room: number, content: string, { key = uuidv7(), signal, ...fields }: SendOptions = {}): Promise<Sent> {
    if (this.state.status !== "refused") this.#typing.forget(room);
    return this.#change({ type: "message", room, content, ...fields, key }, readSent, signal);
  }

  /** Gives one's own message another text. */
  edit(room: number, target: number, edit: Edit, { key = uuidv7(), signal }: ChangeOptions = {}): Promise<Done> {
    return this.#change({ type: "edit", room, target, ...edit, key }, readDone, signal);
  }

  /** Deletes a message: its text is gone for everyone, its place in the history stays. */
  delete(room: number, target: number, options: ChangeOptions & { reason?: string } = {}): Promise<Done> {
    const { key = uuidv7(), signal, ...reason } = options;
    return this.#change({ type: "delete", room, target, ...reason, key }, readDone, signal);
  }

  /** Reacts to a message, or takes the reaction back; tells how many users have it then. */
  react(room: number, target: number, reaction: string, added = true, options: ChangeOptions = {}): Promise<Done> {
    const { key = uuidv7(), signal } = options;
    return this.#change({ type: "react", room, target, reaction, added, key }, readDone, signal);
  }

  pin(room: number, target: number, pinned = true, { key = uuidv7(), signal }: ChangeOptions = {}): Promise<Done> {
    return this.#change({ type: "pin", room, target, pinned, key }, readDone, signal);
  }

  /**
   * Raises one's mark to a message: everything up to there has been read. A lower number changes nothing, unless `back`
   * says to put the mark exactly there. Marks that still wait become one, so it may be called while scrolling.
   */
  read(room: number, seq: number, { back, signal }: { back?: boolean; signal?: AbortSignal } = {}): Promise<Unread> {
    return this.#change({ type: "read", room, seq, ...(back && { back }) }, readMark, signal);
  }

  /**
   * Tells whether the user is typing: to be called on every keystroke, and with `false` when the
   * input is emptied or left. What goes out is throttled; a message ends the typing by itself.
   */
  typing(room: number, isTyping: boolean): void {
    if (this.#rooms.get(room)?.live !== true || !this.#typing.due(room, isTyping)) return;
    this.#connection.send({ type: "typing", room, is_typing: isTyping });
  }

  #change<T>(change: Change, read: Reading<T>, signal: AbortSignal | undefined): Promise<T> {
    const { state } = this;
    if (state.status === "refused") return Promise.reject(refused(state));
    return this.#outbox.add(change, read, signal);
  }

  #subscribe<S extends Subscription>(subscription: S): S {
    const { room } = subscription;
    if (!isSeq(room)) throw new ChatError("invalid_field", "A room is a whole number.", { field: "room" });
    if (this.#rooms.has(room)) throw new ChatError("already_attached", `Room ${room} is attached already.`);
    this.#rooms.set(room, subscription);
    if (this.#connection.open) subscription.opened();
    return subscription;
  }

  #host(): RoomHost & OutboxHost {
    const client = this;
    return {
      clock: this.#clock,
      random: this.#random,
      get open(): boolean {
        return client.#connection.open;
      },
      nextRef: (): string => `c${++this.#refs}`,
      send: (command: Command): boolean => this.#connection.send(command),
      forget: (room: Subscription): void => {
        if (this.#rooms.get(room.room) === room) this.#rooms.delete(room.room);
        this.#typing.forget(room.room);
      },
    };
  }

  #fallback(given: Fetch | null | undefined, token: TokenSource | undefined): ((url: string) => StreamSocket) | null {
    const fetch = given === undefined ? globalThis.fetch?.bind(globalThis) : given;
    return fetch ? (url) => new StreamSocket(url, authorized(fetch, token), this.#noticeListeners.size > 0) : null;
  }

  #opened(): void {
    for (const room of [...this.#rooms.values()]) room.opened();
    this.#outbox.opened();
  }

  #lost(): void {
    this.#typing.forgetAll();
    this.#outbox.lost();
    for (const room of [...this.#rooms.values()]) room.lost();
  }

  #frame(frame: Frame): void {
    if (this.#outbox.answer(frame)) return;
    const notice = noticeOf(frame);
    if (notice !== null) return this.#noticed(notice);
    const room = typeof frame["room"] === "number" ? this.#rooms.get(frame["room"]) : undefined;
    if (room === undefined || room.answer(frame) || ANSWERS.has(frame.type)) return;
    room.frame(frame);
  }

  #noticed(notice: Notice): void {
    if (notice.type === "hello") this.#identity = { user: notice.user, username: notice.username };
    for (const listener of [...this.#noticeListeners]) callOut(() => listener(notice));
  }

  #stateChanged(state: ConnectionState): void {
    if (state.status === "refused") this.#outbox.rejectAll(() => refused(state));
    for (const listener of [...this.#stateListeners]) callOut(() => listener(state));
  }
}

/** Frames that answer a command, and so are never an event. */
const ANSWERS = new Set(["ok", "error", "attached", "resync", "pong"]);

function refused(state: { code: number; reason: string }): ChatError {
  const why = state.reason === "" ? `close code ${state.code}` : state.reason;
  return new ChatError("refused", `The server does not let this client in: ${why}`);
}

function globalWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === "undefined") {
    throw new TypeError("There is no WebSocket here: pass one as an option, for example the `ws` package's.");
  }
  return WebSocket;
}
