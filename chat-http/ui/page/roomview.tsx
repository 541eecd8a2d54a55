/** The room: who it is about, what was said, who is typing, and where one writes. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Identity, RoomEvent } from "../client/src/index.ts";
import type { Message } from "./api.ts";
import { closeOnBack } from "./back.ts";
import { Composer } from "./composer.tsx";
import { ConnectionNote } from "./connection.tsx";
import { Close, People as PeopleIcon } from "./icons.tsx";
import type { MessageList } from "./list.tsx";
import { MessageActions } from "./messages/actions.ts";
import { Earlier } from "./messages/earlier.tsx";
import { Messages } from "./messages/messages.tsx";
import { ThreadPanel } from "./messages/thread-panel.tsx";
import { useModel } from "./model.ts";
import { Avatar } from "./person.tsx";
import type { Role } from "./room-rights.ts";
import type { OpenRoom } from "./room.ts";
import { RoomName, roomName, Sign } from "./title.tsx";
import { sourcesOf } from "./writing/sources.ts";
import { fullDay, refusal, typing } from "./format.ts";
import { number, rich, t } from "./language.ts";

const WIDE = "(min-width: 75rem)";

interface Props {
  room: OpenRoom;
  /** Before the room's name. */
  before?: ComponentChildren;
  /** After it. */
  after?: ComponentChildren;
  /** What to do when the room is gone. */
  gone?: ComponentChildren;
  onRename?: () => void;
  /** The people of the room, where more is known of them than who is here. */
  members?: ComponentChildren;
  /** What one is in the room; null for those who are no members. */
  role?: Role | null;
  /** Shows who somebody is. */
  onPerson?: (person: Identity) => void;
  eager: boolean;
}

export function RoomView({ room, before, after, gone, onRename, members, role = null, onPerson, eager }: Props) {
  useModel(room);
  useModel(room.session.outbox);
  const { online } = useModel(room.session.connection);
  const [people, setPeople] = useState(() => matchMedia(WIDE).matches && eager);
  useEffect(() => {
    // Where there is no room beside the messages, the list of people would cover them.
    const wide = matchMedia(WIDE);
    const onChange = (): void => setPeople((open) => open && wide.matches);
    wide.addEventListener("change", onChange);
    return () => wide.removeEventListener("change", onChange);
  }, []);
  const list = useRef<MessageList>(null);
  const actions = useMemo(() => new MessageActions(room), [room]);
  actions.role = role;
  const openThread = useCallback((root: number) => room.openThread(root), [room]);
  const pane = useRef<HTMLElement>(null);
  const { session, info, id } = room;
  const name = (info && roomName(info)) ?? (room.status === "gone" ? t("noRoomTitle") : "…");
  const field = (): HTMLElement | null | undefined => pane.current?.querySelector(".room-body > .composer textarea");
  // One panel is open beside the messages: a thread takes the place of the people.
  const thread = room.status === "ready" ? room.threadBeside : null;
  const beside = room.status !== "ready" ? null : thread ? "thread" : people ? "people" : null;
  useEffect(() => {
    if (room.target && thread && isCovered(pane.current)) room.closeThread();
  }, [room.target]);

  return (
    <section class={`room${beside === null ? "" : ` with-${beside}`}${online ? "" : " disconnected"}`} ref={pane} aria-label={info ? t("roomNamed", { room: name }) : t("room")}>
      <header class="room-head">
        {before}
        {info && <Sign room={info} />}
        <div class="room-title">
          <h1 tabIndex={-1}>
            {info ? <RoomName room={info} /> : <bdi>{name}</bdi>}
          </h1>
          {info?.topic && (
            <p class="topic" title={info.topic}>
              <bdi>{info.topic}</bdi>
            </p>
          )}
        </div>
        <PeopleButton room={room} open={beside === "people"} onClick={() => (setPeople(beside !== "people"), room.closeThread())} />
        {after}
      </header>
      <div class="room-body">
        {(room.status === "ready" || room.code !== "foreign_page") && <ConnectionNote session={session} onRename={onRename} />}
        {room.status === "ready" ? (
          <>
            <Messages
              room={room}
              actions={actions}
              role={role}
              label={t("messagesIn", { room: name })}
              handle={list}
              top={<Top room={room} />}
              onPerson={onPerson}
              onWrite={() => field()?.focus()}
              onThread={openThread}
            />
            {room.missing && (
              <p class="missing" role="status">
                {t("noMessage")}
              </p>
            )}
            <Typing names={room.typing.map(({ username }) => username)} unnamed={room.typingUnnamed} />
            <Composer key={`c${id}`} session={session} room={id} name={name} sources={sourcesOf(room, role)} eager={eager} actions={actions} onUp={() => list.current?.focusLast()} />
          </>
        ) : (
          <Instead room={room} gone={gone} />
        )}
      </div>
      {thread && <ThreadPanel key={thread.thread} {...{ thread, role, onPerson, eager }} onClose={() => room.closeThread()} />}
      {beside === "people" && (
        <PeoplePanel room={room} onClose={() => setPeople(false)}>
          {members}
        </PeoplePanel>
      )}
      <Announcer room={room} />
    </section>
  );
}

/** Whether a thread stands in front of the messages. */
function isCovered(pane: HTMLElement | null): boolean {
  const body = pane?.querySelector(".room-body");
  return body != null && getComputedStyle(body).visibility === "hidden";
}

function PeopleButton({ room, open, onClick }: { room: OpenRoom; open: boolean; onClick: () => void }) {
  if (!room.people || room.status !== "ready") return null;
  const { count, identities } = room.people;
  return (
    <button type="button" class="people-button" aria-expanded={open} title={t("whoIsHere")} onClick={onClick}>
      <span class="faces">
        {identities.slice(0, 3).map(({ user, username }) => (
          <Avatar key={user} id={user} name={username} small />
        ))}
        {identities.length === 0 && <PeopleIcon />}
      </span>
      <span class="count" aria-hidden="true">
        {number(count)}
      </span>
      <span class="sr-only">{t("peopleHere", { count })}</span>
    </button>
  );
}

function PeoplePanel({ room, onClose, children }: { room: OpenRoom; onClose: () => void; children: ComponentChildren }) {
  const panel = useRef<HTMLElement>(null);
  const count = room.people?.count ?? 0;
  // Before anyone can press a key: Escape closes what has the focus.
  useLayoutEffect(() => {
    // Where it covers the room it takes the focus along, and gives it back.
    if (!panel.current || getComputedStyle(panel.current).position !== "absolute") return;
    const before = (panel.current?.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    panel.current?.querySelector("button")?.focus();
    const leave = closeOnBack(onClose);
    return () => (leave(), before?.focus());
  }, []);
  return (
    <>
      <div class="scrim" onClick={onClose} />
      <aside class="people" ref={panel} aria-label={t("whoIsHere")} onKeyDown={(event) => event.key === "Escape" && onClose()}>
        <header>
          <h2>
            {t("hereNow")} <span class="count">{number(count)}</span>
          </h2>
          <button type="button" class="icon-button" aria-label={t("close")} title={t("close")} onClick={onClose}>
            <Close />
          </button>
        </header>
        {children ?? <Here room={room} />}
      </aside>
    </>
  );
}

/** Who is here now. */
function Here({ room }: { room: OpenRoom }) {
  const { identities, count } = room.people ?? { identities: [], count: 0 };
  const typists = new Set(room.typing.map(({ user }) => user));
  if (identities.length === 0) return <p class="hint">{count > 0 ? t("onlyCounted") : t("nobodyHere")}</p>;
  return (
    <ul>
      {identities.map(({ user, username }) => (
        <li key={user}>
          <span class="presence">
            <Avatar id={user} name={username} />
          </span>
          <bdi class="person">{username}</bdi>
          {user === room.session.user && <span class="hint">{t("isYou")}</span>}
          {typists.has(user) && <Dots />}
        </li>
      ))}
    </ul>
  );
}

/** Above the first message: that there is more, or that this is where it began. */
function Top({ room }: { room: OpenRoom }) {
  const { timeline, info } = room;
  if (timeline.hasBefore) return <Earlier of={room} />;
  if (!info) return null;
  const isEmpty = timeline.items.length === 0;
  return (
    <div class={isEmpty ? "beginning empty" : "beginning"}>
      <Sign room={info} />
      <h2>{isEmpty ? t("quietSoFar") : rich("beginning", { room: roomName(info) })}</h2>
      <p>{isEmpty ? t("sayHello") : fullDay(Date.parse(info.created_at))}</p>
    </div>
  );
}

function Typing({ names, unnamed }: { names: string[]; unnamed: number }) {
  return (
    <div class="typing" role="status" aria-live="polite">
      {names.length + unnamed > 0 && (
        <>
          <Dots /> <span>{typing(names, unnamed)}</span>
        </>
      )}
    </div>
  );
}

export function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}

/** What stands where the messages would: while they load, and when they do not. */
function Instead({ room, gone }: { room: OpenRoom; gone: ComponentChildren }) {
  if (room.status === "loading") {
    return (
      <div class="skeleton" role="status">
        <span class="sr-only">{t("loadingRoom")}</span>
        {[64, 38, 52, 30, 58, 44].map((width, index) => (
          <i key={width} class={`w${width}${index % 3 === 2 ? " own" : ""}`} />
        ))}
      </div>
    );
  }
  if (room.status === "gone") {
    const deleted = room.code === "room_deleted" || room.code === "room_not_found";
    return (
      <div class="state">
        <Ghost />
        <h2>{deleted ? (room.info ? t("roomGone") : t("noRoom")) : t("notInRoom")}</h2>
        <p>{deleted ? (room.info ? t("roomGoneHelp") : t("noRoomHelp")) : refusal(room.code)}</p>
        {gone}
      </div>
    );
  }
  return <RoomFails code={room.code} onRetry={() => room.tryAgain()} />;
}

/** The room could not be read, for this reason, and is read again by itself. */
export function RoomFails({ code, onRetry }: { code: string; onRetry: () => void }) {
  return (
    <div class="state" role="alert">
      <Ghost />
      <h2>{t("roomFails")}</h2>
      <p>
        {refusal(code)} {t("triedAgain")}
      </p>
      <button type="button" class="button" onClick={onRetry}>
        {t("tryNow")}
      </button>
    </div>
  );
}

function Ghost() {
  return (
    <svg class="picture" viewBox="0 0 120 90" width="120" height="90" aria-hidden="true" focusable="false">
      <path class="p1" d="M18 20a10 10 0 0 1 10-10h48a10 10 0 0 1 10 10v26a10 10 0 0 1-10 10H44L30 68V56h-2a10 10 0 0 1-10-10Z" />
      <path class="p2" d="M52 46a9 9 0 0 1 9-9h34a9 9 0 0 1 9 9v18a9 9 0 0 1-9 9h-3v10L80 73H61a9 9 0 0 1-9-9Z" />
      <path class="p3" d="M66 52h24M66 60h14" />
    </svg>
  );
}

export { Ghost as Picture };

/** Says new messages to those who do not see them: one by one, or their number when there are many. */
function Announcer({ room }: { room: OpenRoom }) {
  const [said, setSaid] = useState("");
  const waiting = useMemo<string[]>(() => [], [room]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const say = (): void => {
      timer = undefined;
      setSaid(waiting.length > 3 ? t("newMessages", { count: waiting.length }) : waiting.join(". "));
      waiting.length = 0;
    };
    const unhear = room.onEvent((event: RoomEvent) => {
      if (event.type !== "message") return;
      const { user, username, content } = event as Message;
      if (user === room.session.user) return;
      waiting.push(t("messageSaid", { name: username, text: content }));
      timer ??= setTimeout(say, 700);
    });
    return () => {
      clearTimeout(timer);
      unhear();
    };
  }, [room]);
  return (
    <div class="sr-only" aria-live="polite" aria-atomic="true">
      {said}
    </div>
  );
}
