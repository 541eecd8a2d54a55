/** What is shown of events that are no messages: a line each. */
import type { MemberChanged, RoomUpdated } from "../client/src/index.ts";
import { exactTime } from "./format.ts";
import { t } from "./language.ts";

/** What has become of somebody in the room; null for what this page does not know. */
export function memberNotice(event: MemberChanged): string | null {
  const what = memberChange(event);
  return what === null || event.reason === undefined ? what : t("because", { what, reason: event.reason });
}

function memberChange({ change, member, username, until }: MemberChanged): string | null {
  const names = { who: username ?? t("theServer"), whom: member.username };
  const end = until === undefined ? undefined : exactTime(Date.parse(until));
  switch (change) {
    case "joined":
      return t("joined", names);
    case "added":
      return t("added", names);
    case "left":
      return t("left", names);
    case "removed":
      return t("removed", names);
    case "role":
      return t(member.role === "owner" ? "madeOwner" : member.role === "moderator" ? "madeModerator" : "madeMember", names);
    case "banned":
      return end === undefined ? t("banned", names) : t("bannedUntil", { ...names, end });
    case "unbanned":
      return t("unbanned", names);
    case "muted":
      return end === undefined ? t("muted", names) : t("mutedUntil", { ...names, end });
    case "unmuted":
      return t("unmuted", names);
    default:
      return null;
  }
}

/**
 * What has become of the room, which was like this before; null if it is nothing that is shown. Where it is not known what
 * it was like, the line says what it is like now.
 */
export function roomNotice({ name, topic, kind, username }: RoomUpdated, before: { name: string; topic: string; kind: string } | null): string | null {
  const who = username ?? t("someone");
  const did: string[] = [];
  if (name !== before?.name) did.push(t("renamed", { who, name }));
  if (topic !== (before?.topic ?? "")) did.push(topic ? t("topicChanged", { who, topic }) : t("topicRemoved", { who }));
  if (before !== null && kind !== before.kind) did.push(kind === "private" ? t("madePrivate", { who }) : t("madePublic", { who }));
  return did.length > 0 ? did.join(" · ") : null;
}
