/** What is being done with the messages of a room: which one is answered, which is edited, and what was refused. */
import { uuidv7, type ChatClient, type Done, type MessageFields, type Proposal } from "../../client/src/index.ts";
import { codeOf } from "../api.ts";
import { serverNow } from "../clock.ts";
import type { Conversation } from "../conversation.ts";
import { mentionsIn } from "../mentions.ts";
import { Model } from "../model.ts";
import { may, type Role } from "../room-rights.ts";
import type { Item } from "../timeline.ts";

/** A change of a message that is there. */
export type MessageChange = Exclude<Proposal, { type: "message" }>;
type Wanted<Change = MessageChange> = Change extends MessageChange ? Omit<Change, "key"> : never;

/** A message that is being edited. */
export interface Editing {
  seq: number;
  /** What it will say. */
  text: string;
  /** Why the server did not take it; empty if it was not asked. */
  code: string;
}

export class MessageActions extends Model {
  editing: Editing | null = null;
  /** The message that the next one answers. */
  answering: Item | null = null;
  /** The message that could not be changed, and why. */
  refused: { seq: number; code: string } | null = null;

  /** What one is in the room; null for those who are no members. */
  role: Role | null = null;

  constructor(readonly room: Conversation) {
    super();
  }

  /** The next message answers this one; null: none. */
  answer(item: Item | null): void {
    this.answering = item;
    this.changed();
  }

  /** Begins to edit a message, changes what it will say, or ends that. */
  edit(editing: Editing | null): void {
    this.editing = editing;
    this.changed();
  }

  /** The message shall say what was written. If it is refused, it can be written on. */
  async save({ seq, text }: Editing, before: string): Promise<void> {
    this.edit(null);
    if (text === before) return;
    await this.#change({ type: "edit", target: seq, content: text, ...this.#mentions(seq, text) }, (code) => this.edit({ seq, text, code }));
  }

  /** Whom the new text of a message mentions: of those whom it mentioned, those whose names are not known stay. */
  #mentions(seq: number, text: string): Pick<MessageFields, "mentions" | "mentions_room"> {
    const { room, role } = this;
    const people = room.known();
    const unknown = (room.timeline.get(seq)?.message?.mentions ?? []).filter((user) => !people.some((each) => each.user === user));
    const { mentions = [], mentions_room = false } = mentionsIn(text, [], people, room.info === null || !may("everyone", room.info, role));
    return { mentions: [...new Set([...unknown, ...mentions])], mentions_room };
  }

  async react(seq: number, reaction: string, added: boolean): Promise<void> {
    await this.#change({ type: "react", target: seq, reaction, added });
  }

  async pin(seq: number, pinned: boolean): Promise<void> {
    await this.#change({ type: "pin", target: seq, pinned });
  }

  async delete(seq: number, reason: string): Promise<void> {
    await this.#change({ type: "delete", target: seq, timestamp: new Date(serverNow()).toISOString() }, undefined, reason);
  }

  /** What was refused has been read. */
  dismiss(): void {
    this.refused = null;
    this.changed();
  }

  async #change(wanted: Wanted, refused?: (code: string) => void, reason = ""): Promise<void> {
    this.refused = null;
    this.changed();
    const change = { ...wanted, key: uuidv7() };
    try {
      await this.room.change(change, (client) => send(client, this.room.id, change, reason));
    } catch (error) {
      const code = codeOf(error);
      // The session is over, and with it what was not stored.
      if (code === "cancelled") return;
      if (refused) return refused(code);
      this.refused = { seq: change.target, code };
      this.changed();
    }
  }
}

function send(client: ChatClient, room: number, change: MessageChange, reason: string): Promise<Done> {
  const { key, target } = change;
  switch (change.type) {
    case "edit":
      return client.edit(room, target, { content: change.content, mentions: change.mentions ?? [], mentions_room: change.mentions_room ?? false }, { key });
    case "delete":
      return client.delete(room, target, { key, ...(reason && { reason }) });
    case "react":
      return client.react(room, target, change.reaction, change.added, { key });
    case "pin":
      return client.pin(room, target, change.pinned, { key });
  }
}
