/** Messages that others answer and that are not loaded: each is asked for once, and again after it has changed. */
import type { MessageState, RoomEvent } from "../../client/src/index.ts";
import { codeOf, type Api } from "../api.ts";
import { targetOf } from "../changes.ts";

/** So many are kept, those that were asked for last. */
const MOST = 200;
/** How long what could not be read is not asked for again. */
const AGAIN_MS = 10_000;

export class Originals {
  readonly #known = new Map<number, MessageState | null>();
  readonly #asked = new Map<number, number>();

  constructor(
    readonly api: Pick<Api, "message">,
    readonly room: number,
  ) {}

  /** The message; null if it is not there, undefined as long as that is not known. `learned` is called when it is. */
  get(seq: number, learned: () => void): MessageState | null | undefined {
    const known = this.#known.get(seq);
    if (known === undefined && Date.now() - (this.#asked.get(seq) ?? 0) > AGAIN_MS) void this.#ask(seq, learned);
    return known;
  }

  /** A message that was told. */
  learn(message: MessageState): void {
    this.#keep(message.seq, message);
  }

  apply(event: RoomEvent): void {
    const target = targetOf(event);
    if (target === null) return;
    this.#known.delete(target);
    this.#asked.delete(target);
  }

  /** What has happened to them is not known. */
  clear(): void {
    this.#known.clear();
    this.#asked.clear();
  }

  async #ask(seq: number, learned: () => void): Promise<void> {
    const at = Date.now();
    this.#asked.set(seq, at);
    const answer = await this.api.message(this.room, seq).catch((error: unknown) => (codeOf(error) === "message_not_found" ? null : undefined));
    // It may have changed meanwhile.
    if (answer === undefined || this.#asked.get(seq) !== at) return;
    this.#keep(seq, answer);
    learned();
  }

  #keep(seq: number, message: MessageState | null): void {
    this.#known.set(seq, message);
    const oldest = this.#known.keys().next();
    if (this.#known.size <= MOST || oldest.done === true) return;
    this.#known.delete(oldest.value);
    this.#asked.delete(oldest.value);
  }
}
