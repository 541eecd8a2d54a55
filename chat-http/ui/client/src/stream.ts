/**
 * The frames of `/ws/chat` without a WebSocket: event streams to hear rooms, REST to send. For networks that let
 * nothing but plain HTTP through. Typing cannot be told this way.
 *
 * The streams are read with `fetch` rather than `EventSource`, which does not say why it failed and never comes back
 * after a proxy's 502.
 */

import { jsonOf, outcomeOf, refusalOf, request, requestOf, type Call, type Fetch } from "./http.ts";
import type { WebSocketLike } from "./platform.ts";
import { isSeq, parseFrame, type Change, type Command, type Frame } from "./protocol.ts";

type Attach = Extract<Command, { type: "attach" }>;

interface Stream {
  readonly abort: AbortController;
  /** How many pings ago a byte of it came. */
  silence: number;
}

/** The stream of what concerns the user, among those of rooms. */
const ME = -1;

export class StreamSocket implements WebSocketLike {
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #streams = new Map<number, Stream>();
  readonly #over = new AbortController();

  /** `url` is the WebSocket's; `notices`: whether to hear what concerns the user from the beginning. */
  constructor(url: string, fetch: Fetch, notices: boolean) {
    this.#url = url;
    this.#fetch = fetch;
    void this.#open(notices);
  }

  send(data: string): void {
    const command = JSON.parse(data) as Command;
    switch (command.type) {
      case "ping":
        return void this.#ping();
      case "attach":
        return void (command.events === false ? this.#watch(command) : this.#hear(command));
      case "detach":
        return this.#detach(command.room);
      case "typing":
        return; // There is no request for it.
      case "auth":
        return; // Every request has the token.
      default:
        void this.#change(command);
    }
  }

  close(): void {
    this.#over.abort();
    for (const { abort } of this.#streams.values()) abort.abort();
    this.#streams.clear();
  }

  async #open(notices: boolean): Promise<void> {
    const response = await this.#call("/rooms", { query: { limit: 1 } });
    if (response?.ok !== true) return this.#end(REFUSALS.get(response?.status ?? 0) ?? 1006);
    this.onopen?.({});
    if (notices) this.#hearMe();
  }

  /** Any answer shows that the server can be reached. Its streams are never silent for as long as two pings take. */
  async #ping(): Promise<void> {
    for (const stream of this.#streams.values()) if (++stream.silence > 2) return this.#end(1006);
    if ((await this.#call("/rooms", { query: { limit: 1 } })) !== null) this.#say({ type: "pong" });
  }

  async #change({ ref, ...change }: Change & { ref: string }): Promise<void> {
    const { room } = change;
    const { path, ...call } = requestOf(change);
    const response = await this.#call(path, call);
    if (response === null) return this.#end(1006);
    if (!response.ok) return this.#say({ type: "error", ref, room, ...(await refusalOf(response)) });
    const replayed = response.headers.get("Idempotency-Replayed") === "true";
    this.#say({ ...outcomeOf(change, await jsonOf(response)), type: "ok", ref, room, replayed });
  }

  async #hear({ room, ref, after, presence }: Attach): Promise<void> {
    const query = { presence, ...(after && { after: after.seq, epoch: after.epoch }) };
    const feed = new Feed(room, ref);
    const end = await this.#stream(room, `/rooms/${room}/events`, query, feed);
    if (end instanceof Response) this.#say({ type: "error", ref, room, ...(await refusalToHear(end)) });
    // After the room's end nothing comes back; any other end is one of the connection.
    else if (end === "ended" && !feed.isOver) this.#end(1006);
  }

  /** Activity is told to the user, of all rooms that they are in. */
  async #watch({ room, ref }: Attach): Promise<void> {
    this.#hearMe();
    const response = await this.#call(`/rooms/${room}`);
    if (response === null) return this.#end(1006);
    if (!response.ok) return this.#say({ type: "error", ref, room, ...(await refusalOf(response)) });
    this.#say({ type: "attached", ref, room, head: (await jsonOf(response))["head"] });
  }

  #hearMe(): void {
    if (this.#streams.has(ME)) return;
    void this.#stream(ME, "/events", {}, new Feed(ME, null)).then((end) => {
      // A server that refuses it has no such stream, and so no notices.
      if (end === "ended") this.#end(1006);
    });
  }

  /** Says what a stream brings until it ends; gives the answer if it never began. */
  async #stream(id: number, path: string, query: object, feed: Feed): Promise<Response | "ended" | "aborted"> {
    this.#detach(id);
    const stream: Stream = { abort: new AbortController(), silence: 0 };
    const { signal } = stream.abort;
    this.#streams.set(id, stream);
    const response = await this.#call(path, { query, signal });
    if (signal.aborted) return "aborted";
    if (response?.status === 200 && response.body !== null) {
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const read = await reader.read().catch(() => ({ done: true, value: undefined }));
        if (signal.aborted) return "aborted";
        if (read.done) break;
        stream.silence = 0;
        for (const frame of feed.take(read.value ?? "")) this.#say(frame);
      }
    }
    this.#streams.delete(id);
    return response === null || response.status === 200 ? "ended" : response;
  }

  #detach(id: number): void {
    this.#streams.get(id)?.abort.abort();
    this.#streams.delete(id);
  }

  #call(path: string, call: Call = {}): Promise<Response | null> {
    return request(this.#fetch, this.#url, path, { signal: this.#over.signal, ...call });
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

  constructor(room: number, ref: string | null) {
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

/** Coming back to a room that is gone, or that one may not read any more, is answered with nothing. */
async function refusalToHear(response: Response): Promise<object> {
  return response.status === 204 ? { code: "room_not_found", message: "The room is gone." } : refusalOf(response);
}
