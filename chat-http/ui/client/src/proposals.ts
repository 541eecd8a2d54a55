/** Changes of one's own that are shown before the server has answered. */

import type { Edit } from "./client.ts";
import type { Identity, MessageFields, MessageState, RoomEvent } from "./events.ts";

/** A change that is on its way, under the key that it is sent with. */
export type Proposal = { key: string } & (
  | ({ type: "message"; content: string; timestamp: string; reply_to?: number; thread?: number } & MessageFields)
  | ({ type: "edit"; target: number } & Edit)
  | { type: "delete"; target: number; timestamp: string }
  | { type: "react"; target: number; reaction: string; added: boolean }
  | { type: "pin"; target: number; pinned: boolean }
);

/** A message as it is shown: `pending` has the keys of the changes that are not stored yet. */
export type ShownMessage = MessageState & { pending?: string[] };

/** The proposals of one timeline, oldest first. */
export class Proposals {
  readonly #room: number;
  readonly #me: Identity;
  /** With the number of the event, once that is known. */
  readonly #all = new Map<string, { proposal: Proposal; seq: number | null }>();

  constructor(room: number, me: Identity) {
    this.#room = room;
    this.#me = me;
  }

  add(proposal: Proposal): void {
    this.#all.set(proposal.key, { proposal, seq: null });
  }

  drop(key: string): void {
    this.#all.delete(key);
  }

  /** It is stored: as this event, or it changed nothing. */
  settle(key: string, seq: number | undefined): void {
    const known = this.#all.get(key);
    if (known === undefined) return;
    if (seq === undefined) this.#all.delete(key);
    else known.seq = seq;
  }

  /** An event was applied: it may be a proposal's own. */
  applied(event: RoomEvent): void {
    if ("key" in event && event.key !== undefined && event.user === this.#me.user) this.#all.delete(event.key);
  }

  /** These messages are here: some may have been drafts. */
  seen(messages: MessageState[]): void {
    for (const message of messages) this.applied(message);
  }

  /** Drops those whose event is shown. */
  sweep(isShown: (proposal: Proposal, seq: number) => boolean): void {
    for (const [key, { proposal, seq }] of this.#all) if (seq !== null && isShown(proposal, seq)) this.#all.delete(key);
  }

  /** The message as it will be. */
  over(state: MessageState): ShownMessage {
    let shown: ShownMessage = state;
    for (const { proposal } of this.#all.values()) {
      if ("target" in proposal && proposal.target === state.seq) shown = propose(shown, proposal, this.#me);
    }
    return shown;
  }

  /** The messages that will stand behind all others, in this thread or in none. */
  drafts(thread: number | undefined): ShownMessage[] {
    return [...this.#all.values()].flatMap(({ proposal }) => {
      if (proposal.type !== "message" || proposal.thread !== thread) return [];
      return { ...proposal, ...this.#me, room: this.#room, seq: 0, id: 0, pending: [proposal.key] };
    });
  }
}

/** The message as it will be if the proposal comes true. */
function propose(state: ShownMessage, proposal: Proposal, me: Identity): ShownMessage {
  if (state.deleted !== undefined) return state;
  const pending = [...(state.pending ?? []), proposal.key];
  switch (proposal.type) {
    case "message":
      return state;
    case "edit":
      return { ...editedAs(state, proposal), pending };
    case "delete": {
      const { mentions: _, mentions_room: __, meta: ___, reactions: ____, pinned: _____, ...rest } = state;
      return { ...rest, content: "", deleted: { seq: 0, timestamp: proposal.timestamp, ...me }, pending };
    }
    case "react":
      return { ...reactedAs(state, proposal), pending };
    case "pin": {
      const { pinned: _, ...rest } = state;
      return { ...rest, ...(proposal.pinned && { pinned: true }), pending };
    }
  }
}

/** A field that is left out stays; one that is empty clears it. */
function editedAs(state: MessageState, edit: Edit): MessageState {
  const { mentions = state.mentions ?? [], mentions_room = state.mentions_room, meta = state.meta ?? {} } = edit;
  const { mentions: _, mentions_room: __, meta: ___, ...rest } = state;
  return {
    ...rest,
    content: edit.content,
    ...(mentions.length > 0 && { mentions }),
    ...(mentions_room && { mentions_room }),
    ...(Object.keys(meta).length > 0 && { meta }),
  };
}

function reactedAs(state: MessageState, { reaction, added }: { reaction: string; added: boolean }): MessageState {
  const { reactions = [], ...rest } = state;
  const before = reactions.find((each) => each.reaction === reaction);
  if ((before?.mine ?? false) === added) return state;
  const count = (before?.count ?? 0) + (added ? 1 : -1);
  const after = { reaction, count, mine: added };
  const all = before === undefined ? [...reactions, after] : reactions.map((each) => (each === before ? after : each));
  const left = all.filter((each) => each.count > 0);
  return left.length > 0 ? { ...rest, reactions: left } : rest;
}
