/** What can be done with a message, in the order in which it is offered. The server judges; this leaves out what it would refuse. */
import { letterOf } from "../letter.ts";
import type { ShownMessage } from "../../client/src/index.ts";
import type { Room } from "../api.ts";
import { may, type Role } from "../room-rights.ts";

export type MessageAct = "answer" | "thread" | "answered" | "edit" | "copy" | "written" | "formatted" | "link" | "pin" | "unpin" | "reacted" | "edits" | "person" | "delete";

/** Who looks at the message, and where. */
export interface Viewer {
  me: string;
  room: Pick<Room, "kind" | "owned" | "invites">;
  /** What they are in the room; null for those who are no members. */
  role: Role | null;
  /** How the message is shown, if it has marks. */
  shown?: "formatted" | "written";
  /** Whether what the message answers is still there. */
  hasAnswered?: boolean;
}

type Seen = Pick<ShownMessage, "user" | "deleted" | "pinned" | "reactions" | "edited" | "thread" | "thread_last">;

export function actsOn({ user, deleted, pinned, reactions, edited, thread, thread_last }: Seen, { me, room, role, shown, hasAnswered = false }: Viewer): MessageAct[] {
  const isOwn = user === me;
  const isThere = deleted === undefined;
  // Nobody begins a thread in a thread, nor under a message that is gone.
  const hasThread = thread === undefined && (isThere || thread_last !== undefined);
  if (!isThere) return [...(hasThread ? ["thread" as const] : []), "link", ...(isOwn ? [] : ["person" as const])];
  const offered: [MessageAct, boolean][] = [
    ["answer", true],
    ["thread", hasThread],
    ["answered", hasAnswered],
    ["edit", isOwn],
    ["copy", true],
    ["written", shown === "formatted"],
    ["formatted", shown === "written"],
    ["link", true],
    [pinned ? "unpin" : "pin", may("pin", room, role)],
    ["reacted", reactions !== undefined],
    ["edits", edited !== undefined],
    ["person", !isOwn],
    ["delete", isOwn || may("moderate", room, role)],
  ];
  return offered.filter(([, isOffered]) => isOffered).map(([act]) => act);
}

/** What a key does on a message that has the focus. `menu` shows all that can be done. */
export function actOfKey({ key, code, shiftKey, ctrlKey, metaKey, altKey }: Pick<KeyboardEvent, "key" | "code" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">): MessageAct | "menu" | null {
  if (altKey) return null;
  if (key === "ContextMenu" || (key === "F10" && shiftKey)) return "menu";
  const letter = letterOf({ key, code });
  if (letter === "c") return "copy";
  if (ctrlKey || metaKey) return null;
  return KEYS[letter] ?? null;
}

const KEYS: Readonly<Record<string, MessageAct | "menu">> = { enter: "menu", "+": "menu", r: "answer", t: "thread", e: "edit", delete: "delete" };
