/** The client: many rooms over one socket that comes back by itself. */

import { Connection, type ConnectionState } from "./connection.ts";
import { cancelled, Outbox, type Sent } from "./outbox.ts";
import {
  browserNetwork,
  callOut,
  systemClock,
  type Clock,
  type NetworkHints,
  type WebSocketConstructor,
} from "./platform.ts";
import { ChatError, isSeq, type Command, type Frame } from "./protocol.ts";
import { RoomSubscription, type Attachment, type AttachOptions, type RoomHandlers } from "./room.ts";
import { StreamSocket, type Fetch } from "./stream.ts";
import { TypingThrottle } from "./typing.ts";
import { uuidv7 } from "./uuid.ts";

/** How a client is set up. Only `url` is needed in a browser. */
export interface ClientOptions {
  /**
   * The address of `/ws/chat`, with whatever says who the user is (`?username=…` or a token). A
   * function is asked before every connection, so it can fetch a fresh token; if it fails, that
   * counts as a failed attempt.
   */
  url: string | (() => string | Promise<string>);
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

export interface SendOptions {
  /** The idempotency key; a new UUIDv7 by default. The message's own event carries it too. */
  key?: string;
  /** Gives up waiting. A message that is under way may be stored all the same. */
  signal?: AbortSignal;
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
  readonly #rooms = new Map<number, RoomSubscription>();
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #clock: Clock;
  readonly #random: () => number;
  #refs = 0;

  constructor(options: ClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    const host = this.#host();
    this.#outbox = new Outbox(host);
    this.#typing = new TypingThrottle(() => this.#clock.now());
    this.#connection = new Connection(
      {
        url: options.url,
        WebSocket: options.WebSocket ?? globalWebSocket(),
        clock: this.#clock,
        random: this.#random,
        network: options.network ?? browserNetwork,
        fallback: fallback(options.fetch),
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

  /**
   * Connects, and never gives up: every failed attempt is followed by another, with growing and
   * jittered pauses of at most 30 s, and at once when the network or the page comes back. Only a
   * server that says to stay away ends it (`refused`); calling `start` again then tries once more.
   */
  start(): void {
    this.#connection.start();
  }

  /** Closes the connection. Messages that are not answered yet are rejected as `cancelled`. */
  stop(): void {
    this.#connection.stop();
    this.#outbox.rejectAll(cancelled);
  }

  /**
   * Follows a room, until `detach` or `ended`, over reconnects.
   *
   * @throws {ChatError} `already_attached` if the client follows the room already: detach first, and
   *   go on from that attachment's position.
   */
  attach(room: number, handlers: RoomHandlers, options: AttachOptions = {}): Attachment {
    if (!isSeq(room)) throw new ChatError("invalid_field", "A room is a whole number.", { field: "room" });
    if (this.#rooms.has(room)) throw new ChatError("already_attached", `Room ${room} is attached already.`);
    const subscription = new RoomSubscription(this.#host(), room, handlers, options);
    this.#rooms.set(room, subscription);
    if (this.#connection.open) subscription.opened();
    return subscription;
  }

  /**
   * Sends a message, attached or not. It waits for a connection if there is none, and is tried again
   * under the same key until it is answered; messages to one room keep their order.
   *
   * @returns what became of it, as soon as it is stored.
   * @throws {ChatError} if the server's refusal is final, if it was `cancelled`, or if the server told
   *   the client to stay away (`refused`). After the last two it may have been stored: trying again
   *   with the same key never doubles it.
   */
  send(room: number, content: string, options: SendOptions = {}): Promise<Sent> {
    const { state } = this;
    if (state.status === "refused") return Promise.reject(refused(state));
    this.#typing.forget(room);
    return this.#outbox.add(room, content, options.key ?? uuidv7(), options.signal);
  }

  /**
   * Tells whether the user is typing: to be called on every keystroke, and with `false` when the
   * input is emptied or left. What goes out is throttled; a message ends the typing by itself.
   */
  typing(room: number, isTyping: boolean): void {
    if (this.#rooms.get(room)?.live !== true || !this.#typing.due(room, isTyping)) return;
    this.#connection.send({ type: "typing", room, is_typing: isTyping });
  }

  #host() {
    const client = this;
    return {
      clock: this.#clock,
      random: this.#random,
      get open(): boolean {
        return client.#connection.open;
      },
      nextRef: (): string => `c${++this.#refs}`,
      send: (command: Command): boolean => this.#connection.send(command),
      forget: (room: RoomSubscription): void => {
        if (this.#rooms.get(room.room) === room) this.#rooms.delete(room.room);
        this.#typing.forget(room.room);
      },
    };
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
    const room = typeof frame["room"] === "number" ? this.#rooms.get(frame["room"]) : undefined;
    if (room === undefined || room.answer(frame) || ANSWERS.has(frame.type)) return;
    room.frame(frame);
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

function fallback(given: Fetch | null | undefined): ((url: string) => StreamSocket) | null {
  const fetch = given === undefined ? globalThis.fetch?.bind(globalThis) : given;
  return fetch ? (url) => new StreamSocket(url, fetch) : null;
}

function globalWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === "undefined") {
    throw new TypeError("There is no WebSocket here: pass one as an option, for example the `ws` package's.");
  }
  return WebSocket;
}
