/**
 * What happens to messages that are there already: edits, deletions, reactions, pins, answers in their threads. The newest
 * changes are kept, for pages of history that are older than they.
 */
import { fold, foldAnswer, isEvent, isMessage, type MessageState, type RoomEvent } from "../client/src/index.ts";

/** So many are kept at least. */
const REMEMBERED = 2_000;

export class Changes {
  readonly #me: string;
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
    return this.#recent.reduce<MessageState>((state, event) => (event.seq > head && targetOf(event) === message.seq ? this.after(state, event) : state), message);
  }

  /** The message after one change. */
  after(message: MessageState, event: RoomEvent): MessageState {
    return isMessage(event) ? foldAnswer(message, event) : fold(message, event, this.#me);
  }
}

/** The message that an event changes, if it changes one: for a message in a thread, the thread's root. */
export function targetOf(event: RoomEvent): number | null {
  if (isMessage(event)) return event.thread ?? null;
  for (const type of ["message_edited", "message_deleted", "reaction", "pin"] as const) if (isEvent(event, type)) return event.target;
  return null;
}
