/** What is shown of events that are no messages: a line each. */
import type { MemberChanged, RoomUpdated } from "../client/src/index.ts";
import { exactTime } from "./format.ts";

/** What has become of somebody in the room; null for what this page does not know. */
export function memberNotice({ change, member, username, until, reason }: MemberChanged): string | null {
  const [who, whom] = [username ?? "The server", member.username];
  const end = until === undefined ? "" : ` until ${exactTime(Date.parse(until))}`;
  const why = reason === undefined ? "" : `: ${reason}`;
  switch (change) {
    case "joined":
      return `${whom} joined`;
    case "added":
      return `${who} added ${whom}${why}`;
    case "left":
      return `${whom} left`;
    case "removed":
      return `${who} removed ${whom}${why}`;
    case "role":
      return `${who} made ${whom} ${member.role === "owner" ? "an owner" : `a ${member.role ?? "member"}`}`;
    case "banned":
      return `${who} banned ${whom}${end}${why}`;
    case "unbanned":
      return `${who} lifted the ban on ${whom}${why}`;
    case "muted":
      return `${who} muted ${whom}${end}${why}`;
    case "unmuted":
      return `${who} let ${whom} write again${why}`;
    default:
      return null;
  }
}

/** What has become of the room, which was like this before; null if it is nothing that is shown. */
export function roomNotice({ name, topic, kind, username }: RoomUpdated, before: { name: string; topic: string; kind: string }): string | null {
  const who = username ?? "Someone";
  if (name !== before.name) return `${who} renamed the room to “${name}”`;
  if (topic !== before.topic) return topic ? `${who} changed the topic to “${topic}”` : `${who} removed the topic`;
  if (kind !== before.kind) return `${who} made the room ${kind}`;
  return null;
}
