/** What was done in a room with its members, with others' messages, and with the room itself. */
import { isEvent, isMemberChanged, isRoomUpdated, type RoomEvent, type RoomUpdated } from "../client/src/index.ts";
import { Dialog } from "./dialogs.tsx";
import { exactTime } from "./format.ts";
import { t } from "./language.ts";
import { PagedList } from "./paged-list.tsx";
import { memberNotice, roomNotice } from "./notices.ts";
import { usePages } from "./pages.ts";
import type { Session } from "./session.ts";

export function AuditDialog({ session, room, onClose }: { session: Session; room: number; onClose: () => void }) {
  const pages = usePages<RoomEvent>((after) => session.api.audit(room, after));
  return (
    <Dialog title={t("audit")} onClose={onClose}>
      <PagedList
        pages={pages}
        none={t("nothingDone")}
        render={(event, index) => {
          const said = auditLine(event, pages.items.slice(index + 1));
          return (
            said !== null && (
              <li key={event.seq} class="said">
                <span class="line-text">
                  {said}
                  <time class="hint" dateTime={timeOf(event)}>
                    {exactTime(Date.parse(timeOf(event)))}
                  </time>
                </span>
              </li>
            )
          );
        }}
      />
    </Dialog>
  );
}

/** What an event says in the list, of which `older` are the events before it; null for what this page does not know. */
export function auditLine(event: RoomEvent, older: RoomEvent[]): string | null {
  if (isMemberChanged(event)) return memberNotice(event);
  if (isRoomUpdated(event)) return roomLine(event, older.find(isRoomUpdated));
  if (!isEvent(event, "message_deleted")) return null;
  const what = t("deletedMessage", { who: event.username ?? t("theServer") });
  return event.reason === undefined ? what : t("because", { what, reason: event.reason });
}

/** What the room was before is only known if it had been changed before. */
function roomLine(event: RoomUpdated, before: RoomUpdated | undefined): string {
  const who = event.username ?? t("someone");
  return (before && roomNotice(event, before)) ?? t("changedRoom", { who, room: event.name });
}

function timeOf(event: RoomEvent): string {
  return (event as { timestamp?: string }).timestamp ?? "";
}
