/** The window about a room: its name and topic, who may see it and bring others in, and the way to all that is done with it. */
import type { Room } from "./api.ts";
import { useAttempt } from "./attempt.ts";
import { Dialog } from "./dialogs.tsx";
import { RoomForm } from "./room-dialogs.tsx";
import { Ban, Clock, Door, Link, Pin } from "./icons.tsx";
import { rich, t } from "./language.ts";
import type { Membership } from "./membership.ts";
import { useModel } from "./model.ts";
import { NotifyField } from "./notify-field.tsx";
import { may } from "./room-rights.ts";
import type { Rooms } from "./rooms.ts";
import { roomName } from "./title.tsx";
import type { RoomWindow } from "./window-kinds.ts";

interface Props {
  rooms: Rooms;
  room: Room;
  membership: Membership;
  onClose: () => void;
  onDelete: () => void;
  onLeave: () => void;
  onWindow: (window: RoomWindow) => void;
}

export function AboutDialog({ rooms, room, membership, onClose, onDelete, onLeave, onWindow }: Props) {
  const { role, known } = useModel(membership);
  const change = may("rename", room, role);
  return (
    <Dialog title={t("aboutRoom")} onClose={onClose}>
      {change ? <RoomForm rooms={rooms} room={room} mayChangeKind={may("kind", room, role)} onClose={onClose} onDelete={may("delete", room, role) ? onDelete : undefined} /> : <About room={room} />}
      {known && <NotifyField rooms={rooms} room={room.id} />}
      <FavouriteField rooms={rooms} room={room} />
      <Doors {...{ room, membership, onClose, onLeave, onWindow }} />
    </Dialog>
  );
}

/** Whether the room stands at the top of one's list. */
function FavouriteField({ rooms, room }: { rooms: Rooms; room: Room }) {
  useModel(rooms);
  return (
    <label class="option">
      <input type="checkbox" checked={rooms.partOf(room.id) === "favourites"} onChange={(event) => rooms.setFavourite(room.id, event.currentTarget.checked)} />
      <span>{rich("keepOnTop", { room: roomName(room) })}</span>
    </label>
  );
}

/** For those who may not change it. */
function About({ room }: { room: Room }) {
  return (
    <>
      <p class="about-name">
        <bdi>{roomName(room)}</bdi>
      </p>
      {room.topic && (
        <p class="about-topic">
          <bdi>{room.topic}</bdi>
        </p>
      )}
      {room.kind !== "direct" && <p class="hint">{room.kind === "private" ? t("privateHelp") : t("publicHelp")}</p>}
    </>
  );
}

function Doors({ room, membership, onClose, onLeave, onWindow }: Pick<Props, "room" | "membership" | "onClose" | "onLeave" | "onWindow">) {
  const { role, known } = membership;
  const { busy, problem, attempt } = useAttempt();
  const pins = (
    <button type="button" class="menu-item" onClick={() => onWindow({ kind: "pins" })}>
      <Pin /> {t("pins")}
    </button>
  );
  if (room.kind === "direct") return <div class="doors">{pins}</div>;
  return (
    <div class="doors">
      <p class="problem" role="alert">
        {problem}
      </p>
      {pins}
      {may("bring", room, role) && (
        <button type="button" class="menu-item" onClick={() => onWindow({ kind: "invites" })}>
          <Link /> {t("inviteLinks")}
        </button>
      )}
      {may("restrict", room, role) && (
        <>
          <button type="button" class="menu-item" onClick={() => onWindow({ kind: "restrictions" })}>
            <Ban /> {t("bansAndMutes")}
          </button>
          <button type="button" class="menu-item" onClick={() => onWindow({ kind: "audit" })}>
            <Clock /> {t("audit")}
          </button>
        </>
      )}
      {known && role === null && room.kind === "public" && (
        <button type="button" class="menu-item" disabled={busy} onClick={() => void attempt(() => membership.join(), onClose)}>
          <Door /> {t("joinRoom")}
        </button>
      )}
      {role !== null && (
        <button type="button" class="menu-item" disabled={busy} onClick={() => void attempt(() => membership.leave(), () => (onClose(), onLeave()))}>
          <Door /> {t("leaveRoom")}
        </button>
      )}
    </div>
  );
}
