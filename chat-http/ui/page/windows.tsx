/** The windows of the room that is open: about somebody in it, and what its members and moderators see and do. */
import type { Room } from "./api.ts";
import { AuditDialog } from "./audit.tsx";
import { InvitesDialog } from "./invites.tsx";
import { PinsDialog } from "./messages/windows.tsx";
import type { Membership } from "./membership.ts";
import { PersonDialog } from "./person-dialog.tsx";
import { RestrictionsDialog } from "./restrictions.tsx";
import type { Rooms } from "./rooms.ts";
import { SearchDialog } from "./search.tsx";
import type { RoomWindow } from "./window-kinds.ts";

interface Props {
  window: RoomWindow;
  rooms: Rooms;
  membership: Membership;
  /** Whether this person may have rooms of two. */
  mayDirect: boolean;
  onDirect: (room: Room) => void;
  onClose: () => void;
}

export function RoomWindows({ window, rooms, membership, mayDirect, onDirect, onClose }: Props) {
  const { session, id } = membership.room;
  switch (window.kind) {
    case "person":
      return <PersonDialog key={window.person.user} person={window.person} {...{ membership, mayDirect, onDirect, onClose }} />;
    case "search":
      return <SearchDialog {...{ session, onClose }} room={membership.room} roomOf={(each) => rooms.get(each)} />;
    case "pins":
      return <PinsDialog room={membership.room} onGo={(seq) => void membership.room.goTo(seq)} onClose={onClose} />;
    case "invites":
      return <InvitesDialog {...{ session, onClose }} room={id} />;
    case "restrictions":
      return <RestrictionsDialog {...{ session, onClose }} room={id} />;
    case "audit":
      return <AuditDialog {...{ session, onClose }} room={id} />;
  }
}
