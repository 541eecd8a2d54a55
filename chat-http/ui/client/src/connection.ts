/** One socket at a time, opened again whenever it ends, until told to stop or told to stay away. */

import { backoff } from "./backoff.ts";
import { CLOSED_TOO_FAST, staysAway } from "./error.ts";
import type { TokenSource } from "./http.ts";
import {
  socketUrl,
  Timer,
  type Clock,
  type NetworkHints,
  type WebSocketConstructor,
  type WebSocketLike,
} from "./platform.ts";
import { parseFrame, type Command, type Frame } from "./protocol.ts";

/**
 * How it stands with the connection. `attempt` counts the failures in a row; `retryAt` is the time
 * (milliseconds since 1970) of the next attempt; `refused` does not try again by itself.
 */
export type ConnectionState =
  | { status: "connecting" | "online" | "closed"; attempt: number }
  | { status: "waiting"; attempt: number; retryAt: number }
  | { status: "refused"; code: number; reason: string };

/** What a connection tells. */
export interface ConnectionListener {
  /** A socket is open: what is sent from now on goes over it. */
  opened(): void;
  frame(frame: Frame): void;
  /** That socket is gone, with whatever was not answered. */
  lost(): void;
  state(state: ConnectionState): void;
}

export interface ConnectionOptions {
  url: string | (() => string | Promise<string>);
  /** Gives a token for the first frame, if the user is known by one. */
  token: TokenSource | null;
  WebSocket: WebSocketConstructor;
  clock: Clock;
  random: () => number;
  network: NetworkHints;
  /** Makes what stands in for a WebSocket that cannot be opened, if anything does. */
  fallback: ((url: string) => WebSocketLike) | null;
}

/** An attempt that has heard nothing from the server by then has failed. */
const CONNECT_MS = 15_000;
/** After this long without a frame the server is asked for one… */
const SILENCE_MS = 15_000;
/** …and if none comes by then, the socket is dead. */
const PONG_MS = 10_000;
/** The same when the network or the page has just come back: the socket is likely dead already. */
const WAKE_PONG_MS = 5_000;
/** A connection that has held this long was a success: the next failure is the first again. */
const STABLE_MS = 5_000;
/** Attempts are never closer than this, however often the network comes back. */
const WAKE_GAP_MS = 1_000;
/** So many attempts in a row bring no WebSocket: then the fallback is tried, too. */
const FALLBACK_AFTER = 2;
/** The failures a client that was too fast starts from. */
const TOO_FAST_FAILURES = 5;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  /** The next attempt, or the end of the current one if nothing is heard. */
  readonly #next: Timer;
  readonly #silence: Timer;
  readonly #stable: Timer;
  #state: ConnectionState = { status: "closed", attempt: 0 };
  #socket: WebSocketLike | null = null;
  #open = false;
  /** A ping is out, and nothing has come since. */
  #asked = false;
  #failures = 0;
  /** How many attempts in a row have brought no WebSocket. */
  #unopened = 0;
  /** The address of this attempt, until the fallback has been tried there. */
  #fallbackUrl: string | null = null;
  /** Says in the first frame who the user is, if a token does. */
  #token: string | null = null;
  /** Counts attempts, so that what an abandoned one brings late is told apart. */
  #attempt = 0;
  #attemptedAt = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#next = new Timer(options.clock);
    this.#silence = new Timer(options.clock);
    this.#stable = new Timer(options.clock);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether a socket is open. */
  get open(): boolean {
    return this.#open;
  }

  /** Connects, and goes on connecting. Nothing happens if it does so already. */
  start(): void {
    if (this.#state.status !== "closed" && this.#state.status !== "refused") return;
    this.#failures = 0;
    this.#unsubscribe = this.#options.network.subscribe(
      () => this.#wake(),
      () => this.#networkGone(),
    );
    this.#connect();
  }

  /** Closes the socket and makes no other. */
  stop(): void {
    if (this.#state.status === "closed") return;
    this.#end({ status: "closed", attempt: 0 });
  }

  /** Sends a command, if a socket is open. */
  send(command: Command): boolean {
    if (!this.#open || this.#socket === null) return false;
    // A browser's socket that is closing drops what it is given, and only tells the console.
    if ((this.#socket.readyState ?? 1) > 1) return false;
    try {
      this.#socket.send(JSON.stringify(command));
      return true;
    } catch {
      return false; // The socket is closing; its end is reported by itself.
    }
  }

  #connect(): void {
    const stale = this.#begin();
    this.#attemptedAt = this.#options.clock.now();
    this.#become({ status: "connecting", attempt: this.#failures });
    if (stale()) return;
    void Promise.all([this.#url(), this.#freshToken()]).then(
      ([url, token]) => {
        if (stale()) return;
        this.#token = token;
        this.#fallbackUrl = url;
        this.#openSocket(() => new this.#options.WebSocket(url), stale);
      },
      () => {
        if (!stale()) this.#lose();
      },
    );
  }

  /** Begins an attempt; tells when it is not the current one any more. */
  #begin(): () => boolean {
    const attempt = ++this.#attempt;
    this.#next.set(CONNECT_MS, () => this.#lose());
    return () => attempt !== this.#attempt;
  }

  /** Where plain HTTP gets through and a WebSocket does not, the attempt goes on with the fallback. */
  #fallsBack(): boolean {
    const { fallback } = this.#options;
    const url = this.#fallbackUrl;
    if (this.#state.status !== "connecting" || url === null) return false;
    this.#fallbackUrl = null;
    this.#unopened += 1;
    if (fallback === null || this.#unopened < FALLBACK_AFTER) return false;
    if (this.#abandon() === this.#attempt) this.#openSocket(() => fallback(url), this.#begin());
    return true;
  }

  async #url(): Promise<string> {
    const { url } = this.#options;
    return socketUrl(typeof url === "string" ? url : await url());
  }

  async #freshToken(): Promise<string | null> {
    return (await this.#options.token?.()) ?? null;
  }

  #openSocket(make: () => WebSocketLike, stale: () => boolean): void {
    let socket: WebSocketLike;
    try {
      socket = make();
    } catch {
      this.#lose();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      if (!stale()) this.#opened();
    };
    socket.onmessage = (event: { data: unknown }) => {
      if (!stale()) this.#received(event.data);
    };
    socket.onclose = (event: { code?: number; reason?: string }) => {
      if (!stale()) this.#closed(event.code ?? 1006, event.reason ?? "");
    };
    // An error is always followed by a close; the handler is there because `ws` throws without one.
    socket.onerror = () => {};
  }

  #opened(): void {
    this.#open = true;
    // It has to be the first frame; what follows need not wait for its answer.
    if (this.#token !== null) this.send({ type: "auth", token: this.#token });
    this.#token = null;
    // A refusal comes as a close after the opening, so only the first frame proves the connection.
    this.send({ type: "ping" });
    this.#listener.opened();
  }

  #received(data: unknown): void {
    this.#asked = false;
    this.#silence.set(SILENCE_MS, () => this.#ping(PONG_MS));
    if (this.#state.status === "connecting") {
      this.#next.clear();
      if (this.#fallbackUrl !== null) this.#unopened = 0;
      this.#fallbackUrl = null;
      this.#stable.set(STABLE_MS, () => (this.#failures = 0));
      this.#become({ status: "online", attempt: 0 });
    }
    const frame = parseFrame(data);
    if (frame === null || !this.#open) return;
    if (frame.type === "expiring") this.#renew();
    this.#listener.frame(frame);
  }

  /** The token is about to end: a new one keeps the socket. Without one the server closes it, and the next attempt asks again. */
  #renew(): void {
    const attempt = this.#attempt;
    void this.#freshToken().then(
      (token) => {
        if (token !== null && attempt === this.#attempt) this.send({ type: "auth", token });
      },
      () => {},
    );
  }

  #ping(timeout: number): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#silence.set(timeout, () => this.#lose());
    this.send({ type: "ping" });
  }

  #closed(code: number, reason: string): void {
    if (staysAway(code)) {
      this.#end({ status: "refused", code, reason });
      return;
    }
    if (code === CLOSED_TOO_FAST) this.#failures = Math.max(this.#failures, TOO_FAST_FAILURES);
    this.#lose();
  }

  /** The attempt or the connection has failed: the next one comes after a while. */
  #lose(): void {
    if (this.#fallsBack()) return;
    this.#failures += 1;
    const { clock, random, network } = this.#options;
    const attempt = this.#abandon();
    if (attempt === this.#attempt) this.#waitFor(backoff(this.#failures, random, network.isSeen?.()), clock);
  }

  #waitFor(ms: number, clock: Clock): void {
    this.#next.set(ms, () => this.#connect());
    this.#become({ status: "waiting", attempt: this.#failures, retryAt: clock.now() + ms });
  }

  /** The network or the page has come back. */
  #wake(): void {
    const { clock } = this.#options;
    const since = Math.max(0, clock.now() - this.#attemptedAt);
    if (this.#state.status === "waiting") {
      this.#waitFor(Math.max(0, WAKE_GAP_MS - since), clock);
    } else if (this.#state.status === "online") {
      this.#ping(WAKE_PONG_MS);
    } else if (this.#state.status === "connecting" && since > WAKE_GAP_MS) {
      // It began while the network was away, so it may hang until its time is up.
      if (this.#abandon() === this.#attempt) this.#connect();
    }
  }

  /** The system says that there is no network: nobody has to wait until that shows by silence. */
  #networkGone(): void {
    if (this.#state.status === "online") this.#lose();
  }

  #end(state: ConnectionState): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    if (this.#abandon(1000) === this.#attempt) this.#become(state);
  }

  /** Lets go of the socket without waiting for its closing; gives the number that marks this moment. */
  #abandon(code?: number): number {
    const attempt = ++this.#attempt;
    const socket = this.#socket;
    const wasOpen = this.#open;
    this.#socket = null;
    this.#open = false;
    this.#asked = false;
    this.#next.clear();
    this.#silence.clear();
    this.#stable.clear();
    try {
      socket?.close(code);
    } catch {
      // It was closed already.
    }
    if (wasOpen) this.#listener.lost();
    return attempt;
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#listener.state(state);
  }
}
