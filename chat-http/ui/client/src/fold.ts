/** What one event makes of a message: pure functions from a state to the next one. */

import { isEvent, type ChatMessage, type MessageDeleted, type MessageEdited, type MessageState, type Reaction, type RoomEvent } from "./events.ts";

/** The seq of the message that the event changes; 0 if it changes none. */
export function targetOf(event: RoomEvent): number {
  return "target" in event && typeof event.target === "number" ? event.target : 0;
}

/** The message after an event that has it as its target; `me` is the user whose reactions are `mine`. */
export function fold(state: MessageState, event: RoomEvent, me: string): MessageState {
  // Deletion is the end: nothing that follows it changes the message.
  if (state.deleted !== undefined) return state;
  if (isEvent(event, "message_edited")) return edited(state, event);
  if (isEvent(event, "message_deleted")) return deleted(state, event);
  if (isEvent(event, "reaction")) return reacted(state, event, me);
  if (isEvent(event, "pin")) {
    const { pinned: _, ...rest } = state;
    return event.pinned ? { ...rest, pinned: true } : rest;
  }
  return state;
}

/** The root of a thread after a new message in it. */
export function foldAnswer(root: MessageState, { seq }: ChatMessage): MessageState {
  return { ...root, thread_count: (root.thread_count ?? 0) + 1, thread_last: seq };
}

/** The root of a thread after the deletion of a message in it. */
export function foldLostAnswer(root: MessageState): MessageState {
  return { ...root, thread_count: Math.max(0, (root.thread_count ?? 0) - 1) };
}

/** A message without what an edit gives anew. */
function bare(state: MessageState): MessageState {
  const { mentions: _, mentions_room: __, meta: ___, erased: ____, ...rest } = state;
  return rest;
}

function edited(state: MessageState, event: MessageEdited): MessageState {
  const { content, mentions, mentions_room, meta, erased, seq, timestamp } = event;
  return {
    ...bare(state),
    content,
    ...(mentions && { mentions }),
    ...(mentions_room && { mentions_room }),
    ...(meta && { meta }),
    ...(erased && { erased }),
    edited: { seq, timestamp, count: (state.edited?.count ?? 0) + 1 },
  };
}

function deleted(state: MessageState, { seq, timestamp, user, username }: MessageDeleted): MessageState {
  const { reactions: _, pinned: __, ...rest } = bare(state);
  return { ...rest, content: "", deleted: { seq, timestamp, user, username } };
}

/** The counts come with the event; a reaction that nobody had before goes to the end. */
function reacted(state: MessageState, { reaction, added, count, user }: Reaction, me: string): MessageState {
  const { reactions = [], ...rest } = state;
  const before = reactions.find((each) => each.reaction === reaction);
  const after = { reaction, count, mine: user === me ? added : (before?.mine ?? false) };
  let all = reactions.filter((each) => each !== before);
  if (count > 0) all = before === undefined ? [...all, after] : reactions.map((each) => (each === before ? after : each));
  return all.length > 0 ? { ...rest, reactions: all } : rest;
}
