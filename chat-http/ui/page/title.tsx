/** What a room is called and known by, also where it has no name: rooms of two are called as the other one is. */
import type { Room } from "./api.ts";
import { Lock } from "./icons.tsx";
import { t } from "./language.ts";
import { Avatar, RoomSign } from "./person.tsx";

type Titled = Pick<Room, "id" | "name" | "kind" | "peer" | "members">;

export function roomName({ name, kind, peer, members }: Omit<Titled, "id">): string {
  if (kind !== "direct" || !peer) return name;
  // In a room with oneself, one is alone.
  return members === 1 ? t("notes") : peer.username;
}

export function Sign({ room }: { room: Titled }) {
  if (room.kind === "direct" && room.peer) return <Avatar id={room.peer.user} name={room.peer.username} />;
  return <RoomSign id={room.id} name={room.name} />;
}

/** The room's name, with a lock if only members see it. */
export function RoomName({ room }: { room: Titled }) {
  return (
    <>
      {room.kind === "private" && (
        <span class="lock" title={t("privateRoom")}>
          <Lock />
          <span class="sr-only">{t("privateRoom")}</span>
        </span>
      )}
      <bdi>{roomName(room)}</bdi>
    </>
  );
}
