/** Choosing a room: the list, a search, a new one. */
import { Fragment } from "preact";
import { useCallback, useRef, useState } from "preact/hooks";
import type { Room } from "./api.ts";
import { Close, Gear, Keyboard, Mute, Plus, Search, Star, Trash } from "./icons.tsx";
import { PARTS } from "./favourites.ts";
import { memo } from "./memo.ts";
import { useModel } from "./model.ts";
import { Avatar } from "./person.tsx";
import type { Rooms } from "./rooms.ts";
import { rove } from "./roving.ts";
import type { Session } from "./session.ts";
import { RoomName, roomName, Sign } from "./title.tsx";
import { lately, refusal } from "./format.ts";
import { list, number, rich, t } from "./language.ts";

interface Props {
  session: Session;
  rooms: Rooms;
  open: number | null;
  onNew: (suggestion: string) => void;
  onDelete: (room: Room) => void;
  onRename: () => void;
  /** Whether this is somebody with an account. */
  account: boolean;
  onKeys: () => void;
  onSettings: () => void;
}

export function Sidebar({ session, rooms, open, onNew, onDelete, onRename, account, onKeys, onSettings }: Props) {
  useModel(rooms);
  const { online } = useModel(session.connection);
  const field = useRef<HTMLInputElement>(null);
  return (
    <nav class="sidebar" aria-label={t("rooms")}>
      <header>
        <h1>{t("rooms")}</h1>
        <button type="button" class="icon-button accent" aria-label={t("newRoom")} title={t("newRoom")} onClick={() => onNew("")}>
          <Plus />
        </button>
      </header>
      <div class="search" role="search">
        <Search />
        <input
          ref={field}
          id="room-search"
          type="text"
          inputMode="search"
          enterkeyhint="search"
          placeholder={t("findRoom")}
          aria-label={t("findRoom")}
          autocomplete="off"
          value={rooms.query}
          onInput={(event) => rooms.search(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && !event.isComposing && rooms.search("")}
        />
        {rooms.query && (
          <button type="button" class="icon-button" aria-label={t("clear")} title={t("clear")} onClick={() => (rooms.search(""), field.current?.focus())}>
            <Close />
          </button>
        )}
      </div>
      <RoomList {...{ rooms, open, onNew, onDelete }} />
      <footer>
        <button type="button" class="me" title={account ? t("yourAccount") : t("changeName")} onClick={onRename}>
          <span class={online ? "presence" : "presence away"}>
            <Avatar id={session.user} name={session.name} />
          </span>
          <span class="who">
            <bdi>{session.name}</bdi>
            <span class="hint">{online ? t("connected") : t("notConnected")}</span>
          </span>
        </button>
        <button type="button" class="icon-button" aria-label={t("settings")} title={t("settings")} onClick={onSettings}>
          <Gear />
        </button>
        <button type="button" class="icon-button keys-button" aria-label={t("keys")} title={t("keys")} onClick={onKeys}>
          <Keyboard />
        </button>
      </footer>
    </nav>
  );
}

function RoomList({ rooms, open, onNew, onDelete }: Pick<Props, "rooms" | "open" | "onNew" | "onDelete">) {
  const { list, status, query, hasMore } = rooms;
  const [stop, setStop] = useState<number | null>(null);
  const pane = useRef<HTMLDivElement>(null);
  const onFavourite = useCallback((room: number, isOne: boolean) => rooms.setFavourite(room, isOne), [rooms]);
  if (status === "loading") {
    return (
      <div class="room-list skeleton-list" role="status">
        <span class="sr-only">{t("loadingRooms")}</span>
        {[1, 2, 3, 4, 5].map((each) => (
          <i key={each} />
        ))}
      </div>
    );
  }
  if (status === "failed") {
    return (
      <div class="room-list none" role="alert">
        <p>{refusal(rooms.code)}</p>
        <button type="button" class="button quiet" onClick={() => void rooms.load()}>
          {t("tryAgain")}
        </button>
      </div>
    );
  }
  const problem = rooms.problem && (
    <div class="none" role="alert">
      <p>{refusal(rooms.problem)}</p>
      {query && (
        <button type="button" class="button quiet" onClick={() => rooms.search(query)}>
          {t("tryAgain")}
        </button>
      )}
    </div>
  );
  if (list.length === 0) {
    if (problem) return <div class="room-list">{problem}</div>;
    const wanted = query.trim();
    return (
      <div class="room-list none">
        <p role="status">{wanted ? rich("noRoomCalled", { name: wanted }) : t("noRooms")}</p>
        <button type="button" class="button quiet" onClick={() => onNew(wanted)}>
          <Plus /> {wanted ? t("makeIt") : t("makeFirst")}
        </button>
      </div>
    );
  }
  const parts = PARTS.map((part) => ({ part, rooms: list.filter(({ id }) => rooms.partOf(id) === part) })).filter(({ rooms: those }) => those.length > 0);
  // Tab stops once here: where one was last, else at the open room, else at the first.
  const stopAt = [stop, open].find((id) => list.some((room) => room.id === id)) ?? parts[0]?.rooms[0]?.id;
  const today = new Date().toDateString();
  return (
    <div
      ref={pane}
      class="room-list"
      onKeyDown={(event) => rove(event, [...(pane.current?.querySelectorAll(".entry") ?? [])])}
      onFocusIn={(event) => setStop(Number((event.target as Element).closest<HTMLElement>("[data-room]")?.dataset["room"]) || null)}
    >
      {problem}
      {parts.map(({ part, rooms: those }) => (
        <Fragment key={part}>
          {parts.length > 1 && <h2 id={`part-${part}`}>{t(part)}</h2>}
          <ul aria-labelledby={parts.length > 1 ? `part-${part}` : undefined}>
            {those.map((room) => (
              <RoomEntry key={room.id} room={room} unread={rooms.unread(room.id)} mentions={rooms.mentions(room.id)} open={room.id === open} isStop={room.id === stopAt} muted={rooms.isMuted(room.id)} today={today} favourite={part === "favourites"} onFavourite={onFavourite} onDelete={onDelete} />
            ))}
          </ul>
        </Fragment>
      ))}
      {hasMore && (
        <div class="show-more">
          <button type="button" class="button quiet" disabled={rooms.loadingMore} onClick={() => void rooms.loadMore()}>
            {rooms.loadingMore ? t("loading") : t("moreRooms")}
          </button>
        </div>
      )}
    </div>
  );
}

interface EntryProps {
  room: Room;
  unread: number;
  mentions: number;
  open: boolean;
  /** Whether Tab stops at it. */
  isStop: boolean;
  muted: boolean;
  /** Which day it is: times are told by it. */
  today: string;
  favourite: boolean;
  onFavourite: (room: number, isOne: boolean) => void;
  onDelete: (room: Room) => void;
}

const RoomEntry = memo(function RoomEntry({ room, unread, mentions, open, isStop, muted, favourite, onFavourite, onDelete }: EntryProps) {
  const about = room.topic ? <bdi>{room.topic}</bdi> : !room.last_message_at && <span class="words">{t("nothingWritten")}</span>;
  return (
    <li class={`entry${open ? " open" : ""}${muted ? " muted" : ""}${unread > 0 ? " unread" : ""}`} data-room={room.id}>
      <a href={`#/rooms/${room.id}`} tabIndex={isStop ? 0 : -1} aria-current={open ? "page" : undefined}>
        <Sign room={room} />
        <span class="entry-name">
          <RoomName room={room} />
          {muted && (
            <span class="lock" title={t("roomMuted")}>
              <Mute />
              <span class="sr-only"> {t("roomMuted")}</span>
            </span>
          )}
        </span>
        {room.last_message_at && <time dateTime={room.last_message_at}>{lately(Date.parse(room.last_message_at))}</time>}
        <span class="entry-about">
          {room.online > 0 && (
            <span class="here">
              <i class="dot" />
              <span aria-hidden="true">{t("hereShort", { count: room.online })}</span>
              <span class="sr-only">{t("peopleHere", { count: room.online })}</span>
            </span>
          )}
          {room.online > 0 && about && <span aria-hidden="true"> · </span>}
          {about || (room.online === 0 && <span class="words">{t("roomEmpty")}</span>)}
        </span>
        {unread > 0 && <Badge unread={unread} mentions={mentions} quiet={muted && mentions === 0} />}
      </a>
      <button type="button" class="icon-button star" tabIndex={-1} aria-label={t("keepOnTop", { room: roomName(room) })} title={t("keepOnTop", { room: roomName(room) })} aria-pressed={favourite} onClick={() => onFavourite(room.id, !favourite)}>
        <Star />
      </button>
      {/* A room that has owners is deleted by them, in the window about it. */}
      {!room.owned && room.kind !== "direct" && (
        <button type="button" class="icon-button delete" tabIndex={-1} aria-label={t("deleteRoom", { room: room.name })} title={t("delete")} onClick={() => onDelete(room)}>
          <Trash />
        </button>
      )}
    </li>
  );
});

/** How much is unread in a room; how many mention this person, if any do. */
function Badge({ unread, mentions, quiet }: { unread: number; mentions: number; quiet: boolean }) {
  const short = (count: number): string => (count > 99 ? `${number(99)}+` : number(count));
  return (
    <span class={quiet ? "badge quiet" : "badge"}>
      <span aria-hidden="true">{mentions > 0 ? `@${short(mentions)}` : short(unread)}</span>
      <span class="sr-only">{mentions > 0 ? list([t("mentionsOfYou", { count: mentions }), t("unreadMessages", { count: unread })]) : t("unreadMessages", { count: unread })}</span>
    </span>
  );
}
