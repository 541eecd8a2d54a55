/** What the client takes from its surroundings. Each can be replaced: by tests, and outside browsers. */

/** Time: `now` in milliseconds since 1970, and timers. */
export interface Clock {
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Tells when another attempt is worth making at once, and when a connection is certainly gone. */
export interface NetworkHints {
  /** Calls `wake` whenever the network or the page comes back, and `gone` when the network goes; the answer ends that. */
  subscribe(wake: () => void, gone: () => void): () => void;
  /** Whether somebody looks, and so would rather not wait for long. By default nobody does. */
  isSeen?(): boolean;
}

/** The part of a `WebSocket` that is used: a browser's, or the `ws` package's in Node. */
export interface WebSocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  /** Above 1 once it is closing. */
  readonly readyState?: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** What makes such a socket. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** The browser's `online`, `offline`, `visibilitychange` and `pageshow`; silent where there is no window. */
export const browserNetwork: NetworkHints = {
  subscribe(wake, gone) {
    if (typeof window === "undefined" || typeof document === "undefined") return () => {};
    const visible = (): void => {
      if (document.visibilityState === "visible") wake();
    };
    window.addEventListener("online", wake);
    window.addEventListener("offline", gone);
    window.addEventListener("pageshow", visible);
    document.addEventListener("visibilitychange", visible);
    return () => {
      window.removeEventListener("online", wake);
      window.removeEventListener("offline", gone);
      window.removeEventListener("pageshow", visible);
      document.removeEventListener("visibilitychange", visible);
    };
  },
  isSeen: () => typeof document !== "undefined" && document.visibilityState === "visible",
};

/** The address as a WebSocket's: relative to the page where there is one, `http` taken as `ws`. */
export function socketUrl(url: string): string {
  const base = typeof location === "undefined" ? undefined : location.href;
  const resolved = new URL(url, base);
  resolved.protocol = resolved.protocol.replace(/^http/, "ws");
  resolved.hash = "";
  return resolved.href;
}

/** Runs a listener of the application; what it throws is reported and disturbs nothing here. */
export function callOut(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}

/** One timer that is set anew rather than set twice. */
export class Timer {
  readonly #clock: Clock;
  #handle: unknown = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get running(): boolean {
    return this.#handle !== null;
  }

  set(ms: number, run: () => void): void {
    this.clear();
    this.#handle = this.#clock.setTimeout(() => {
      this.#handle = null;
      run();
    }, ms);
  }

  clear(): void {
    if (this.#handle === null) return;
    this.#clock.clearTimeout(this.#handle);
    this.#handle = null;
  }
}
