/**
 * What happens to messages that are there already: edits, deletions, reactions, pins, answers in their threads. The newest
 * changes are kept, for pages of history that are older than they.
 */
import { fold, foldAnswer, foldLostAnswer, isEvent, isMessage, type MessageState, type RoomEvent } from "../client/src/index.ts";

/** So many are kept at least. */
const REMEMBERED = 2_000;
/** Of so many messages in threads it is known in which one they are. */
const PLACED = 10_000;

export class Changes {
  readonly #me: string;
  /** The threads of messages in threads; 0 for one that is in none. */
  readonly #threads = new Map<number, number>();
  /** Deletions of messages that may have been in the thread of one that is shown, by their targets. */
  readonly #unplaced = new Map<number, number>();
  #recent: RoomEvent[] = [];
  /** The changes after this number are all known. */
  #from = 0;

  constructor(me: string) {
    this.#me = me;
  }

  /** The changes after this number follow; what was before is not known. */
  begin(seq: number): void {
    this.#recent = [];
    this.#from = seq;
  }

  heard(event: RoomEvent): void {
    if (isMessage(event)) this.learn(event);
    if (targetOf(event) === null) return;
    this.#recent.push(event);
    if (this.#recent.length > 2 * REMEMBERED) this.#from = this.#recent.splice(0, REMEMBERED).at(-1)?.seq ?? this.#from;
  }

  /** Whether everything is known that a page with this head does not show. */
  covers(head: number): boolean {
    return head >= this.#from;
  }

  /** The message as a page shows it that has this head, after the changes since. */
  since(head: number, message: MessageState): MessageState {
    return this.#recent.reduce<MessageState>((state, event) => (event.seq > head ? this.#along(state, event) : state), message);
  }

  #along(message: MessageState, event: RoomEvent): MessageState {
    if (targetOf(event) === message.seq) return this.after(message, event);
    return isEvent(event, "message_deleted") && this.isLostAnswer(message, event) ? foldLostAnswer(message) : message;
  }

  /** The message after one change. */
  after(message: MessageState, event: RoomEvent): MessageState {
    return isMessage(event) ? foldAnswer(message, event) : fold(message, event, this.#me);
  }

  /** Takes note of the thread that a message is in, if it is in one. */
  learn({ seq, thread }: Pick<MessageState, "seq" | "thread">): void {
    if (thread !== undefined) this.#place(seq, thread);
  }

  /** Whether a message is deleted that was in this one's thread. Where that is not known, it is noted. */
  isLostAnswer(root: MessageState, { target, seq }: { target: number; seq: number }): boolean {
    const thread = this.#threads.get(target);
    if (thread === undefined && root.seq < target && target <= (root.thread_last ?? 0)) this.#unplaced.set(target, seq);
    return thread === root.seq;
  }

  /** The deleted messages of which it is not known in which thread they were. */
  get unplaced(): number[] {
    return [...this.#unplaced.keys()];
  }

  /** A deleted message was in this thread, or in none. Gives the number of its deletion. */
  place(target: number, thread: number | undefined): number | undefined {
    const seq = this.#unplaced.get(target);
    this.#unplaced.delete(target);
    this.#place(target, thread ?? 0);
    return seq;
  }

  #place(seq: number, thread: number): void {
    this.#threads.set(seq, thread);
    const oldest = this.#threads.keys().next();
    if (this.#threads.size > PLACED && oldest.done !== true) this.#threads.delete(oldest.value);
  }
}

/** The message that an event changes, if it changes one: for a message in a thread, the thread's root. */
export function targetOf(event: RoomEvent): number | null {
  if (isMessage(event)) return event.thread ?? null;
  for (const type of ["message_edited", "message_deleted", "reaction", "pin"] as const) if (isEvent(event, type)) return event.target;
  return null;
}
