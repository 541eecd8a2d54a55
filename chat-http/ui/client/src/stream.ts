/**
 * The frames of `/ws/chat` without a WebSocket: event streams to hear rooms, REST to send. For networks that let
 * nothing but plain HTTP through. Typing cannot be told this way.
 *
 * The streams are read with `fetch` rather than `EventSource`, which does not say why it failed and never comes back
 * after a proxy's 502.
 */

import type { WebSocketLike } from "./platform.ts";
import { isSeq, parseFrame, type Command, type Frame } from "./protocol.ts";

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

type Attach = Extract<Command, { type: "attach" }>;
type Message = Extract<Command, { type: "message" }>;

interface Stream {
  readonly abort: AbortController;
  /** How many pings ago a byte of it came. */
  silence: number;
}

export class StreamSocket implements WebSocketLike {
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly #url: URL;
  readonly #fetch: Fetch;
  readonly #streams = new Map<number, Stream>();
  readonly #over = new AbortController();

  /** `url` is the WebSocket's. */
  constructor(url: string, fetch: Fetch) {
    this.#url = new URL(url);
    this.#url.protocol = this.#url.protocol.replace(/^ws/, "http");
    this.#fetch = fetch;
    void this.#open();
  }

  send(data: string): void {
    const command = JSON.parse(data) as Command;
    if (command.type === "ping") void this.#ping();
    else if (command.type === "attach") void this.#hear(command);
    else if (command.type === "detach") this.#detach(command.room);
    else if (command.type === "message") void this.#send(command);
  }

  close(): void {
    this.#over.abort();
    for (const { abort } of this.#streams.values()) abort.abort();
    this.#streams.clear();
  }

  async #open(): Promise<void> {
    const response = await this.#call("/rooms", { limit: 1 });
    if (response?.ok === true) this.onopen?.({});
    else this.#end(REFUSALS.get(response?.status ?? 0) ?? 1006);
  }

  /** Any answer shows that the server can be reached. Its streams are never silent for as long as two pings take. */
  async #ping(): Promise<void> {
    for (const stream of this.#streams.values()) if (++stream.silence > 2) return this.#end(1006);
    if ((await this.#call("/rooms", { limit: 1 })) !== null) this.#say({ type: "pong" });
  }

  async #send({ room, content, key, ref }: Message): Promise<void> {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    const init = { method: "POST", headers, body: JSON.stringify({ content }) };
    const response = await this.#call(`/rooms/${room}/messages`, {}, init);
    if (response === null) return this.#end(1006);
    if (!response.ok) return this.#say(await errorOf(response, room, ref));
    const { seq, timestamp } = (await response.json().catch(() => ({}))) as { seq?: unknown; timestamp?: unknown };
    const replayed = response.headers.get("Idempotency-Replayed") === "true";
    this.#say({ type: "ok", ref, room, seq, timestamp, replayed });
  }

  async #hear({ room, ref, after, presence }: Attach): Promise<void> {
    this.#detach(room);
    const stream: Stream = { abort: new AbortController(), silence: 0 };
    const { signal } = stream.abort;
    this.#streams.set(room, stream);
    const query = { presence, ...(after && { after: after.seq, epoch: after.epoch }) };
    const response = await this.#call(`/rooms/${room}/events`, query, { signal });
    if (signal.aborted) return;
    if (response === null) return this.#end(1006);
    if (response.status !== 200 || response.body === null) {
      this.#streams.delete(room);
      return this.#say(await errorOf(response, room, ref));
    }
    const feed = new Feed(room, ref);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const read = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (signal.aborted) return;
      if (read.done) break;
      stream.silence = 0;
      for (const frame of feed.take(read.value ?? "")) this.#say(frame);
    }
    this.#streams.delete(room);
    // After the room's end nothing comes back; any other end is one of the connection.
    if (!feed.isOver) this.#end(1006);
  }

  #detach(room: number): void {
    this.#streams.get(room)?.abort.abort();
    this.#streams.delete(room);
  }

  async #call(path: string, query: object, init: RequestInit = {}): Promise<Response | null> {
    const url = new URL(this.#url);
    url.pathname = url.pathname.replace(/\/ws\/chat\/?$/, "/api/chat") + path;
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    try {
      return await this.#fetch(url.href, { cache: "no-store", signal: this.#over.signal, ...init });
    } catch {
      return null;
    }
  }

  #say(frame: object): void {
    if (!this.#over.signal.aborted) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  #end(code: number): void {
    if (this.#over.signal.aborted) return;
    this.close();
    this.onclose?.({ code, reason: "" });
  }
}

/** What a refusal at the beginning means, as a WebSocket's close code. */
const REFUSALS = new Map([
  [400, 4401],
  [401, 4401],
  [403, 4403],
]);

/** Turns the text of an event stream into the frames of a socket. */
class Feed {
  readonly #room: number;
  #ref: string | null;
  #rest = "";
  /** How many events of the gap are still to come. */
  #missing = 0;
  isOver = false;

  constructor(room: number, ref: string) {
    this.#room = room;
    this.#ref = ref;
  }

  take(text: string): object[] {
    const events = (this.#rest + text).split("\n\n");
    this.#rest = events.pop() ?? "";
    return events.flatMap((event) => this.#frame(event) ?? []);
  }

  #frame(event: string): object | null {
    const lines = event.split("\n");
    const field = (name: string) => lines.find((line) => line.startsWith(name))?.slice(name.length);
    const frame = parseFrame(field("data: "));
    if (frame === null) return null; // A comment: the stream is alive.
    if (frame.type === "room_deleted") this.isOver = true;
    if (this.#ref !== null) return this.#answer(frame, field("id: ") ?? "");
    if (this.#missing === 0 || !isSeq(frame["seq"])) return frame;
    this.#missing -= 1;
    return { type: "events", room: this.#room, events: [frame], more: this.#missing > 0 };
  }

  /** The first frame: what was missed comes one by one behind it. Its id is where the client stood. */
  #answer(frame: Frame, id: string): object {
    const ref = this.#ref;
    this.#ref = null;
    if (frame.type !== "attached" || !isSeq(frame["head"])) return { ...frame, ref };
    this.#missing = frame["head"] - Number(id.slice(id.lastIndexOf(":") + 1));
    return { ...frame, ref, ...(this.#missing > 0 && { more: true }) };
  }
}

/** What an answer says went wrong. What is none of this server's answers comes from something in between: try again. */
async function errorOf(response: Response, room: number, ref: string): Promise<object> {
  // Coming back to a room that is gone is answered with nothing.
  if (response.status === 204) return { type: "error", ref, room, code: "room_not_found", message: "The room is gone." };
  const problem = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const { code = "unavailable", detail: message = `HTTP ${response.status}`, field, retry_after_ms } = problem;
  return { type: "error", ref, room, code, message, field, retry_after_ms };
}
