/** The page: a name or a log-in first, then the rooms, then a room. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Identity } from "../client/src/index.ts";
import { accounts, areGuestsWelcome, LogIn, useLogin } from "./account.tsx";
import type { Credentials, Me, Room } from "./api.ts";
import { carryDrafts } from "./drafts.ts";
import { Dialog } from "./dialogs.tsx";
import { Back, Pin, Plus, Search, Settings } from "./icons.tsx";
import { later, sometime } from "./later.tsx";
import { letterOf } from "./letter.ts";
import { carryLetters } from "./letters.ts";
import { Membership } from "./membership.ts";
import { inviteIn, Invitation } from "./invites.tsx";
import { Members } from "./members.tsx";
import { useModel } from "./model.ts";
import { NameForm } from "./name.tsx";
import type { Place } from "./conversation.ts";
import { flush } from "./rendering.ts";
import { OpenRoom } from "./room.ts";
import { ownerOf } from "./owner.ts";
import { Rooms } from "./rooms.ts";
import { Picture, RoomView } from "./roomview.tsx";
import { BrowserStore } from "./kept/store.ts";
import { asName } from "./seen.ts";
import { Session } from "./session.ts";
import { Sidebar } from "./sidebar.tsx";
import { roomName } from "./title.tsx";
import { remember, remembered } from "./storage.ts";
import { ConnectionNote } from "./connection.tsx";
import { isOfRoom, type RoomWindow } from "./window-kinds.ts";
import { number, rich, t } from "./language.ts";

type Window = RoomWindow | { kind: "new"; suggestion: string } | { kind: "about" | "delete"; room: Room } | { kind: "name" } | { kind: "keys" | "switch" | "settings" };

const AboutDialog = later((all) => all.AboutDialog);
const AccountDialog = later((all) => all.AccountDialog);
const DeleteDialog = later((all) => all.DeleteDialog);
const DesktopNotes = sometime((all) => all.DesktopNotes);
const KeysDialog = later((all) => all.KeysDialog);
const RoomDialog = later((all) => all.RoomDialog);
const RoomWindows = later((all) => all.RoomWindows);
const SettingsDialog = later((all) => all.SettingsDialog);
const Switcher = later((all) => all.Switcher);

const NAME = "chat.name";

/** The name that a guest has chosen with this browser; empty if there is none that can be used. */
function chosenName(): string {
  const name = remembered<unknown>("local", NAME, "");
  return typeof name === "string" ? (asName(name, 64) ?? "") : "";
}

export function App({ base }: { base: URL }) {
  return accounts() === "none" ? <Guest base={base} /> : <Account base={base} />;
}

/** Somebody who has an account here, or gets one. */
function Account({ base }: { base: URL }) {
  const login = useLogin(base);
  const [isGuest, setGuest] = useState(() => areGuestsWelcome() && chosenName() !== "");
  const stay = (): void => {
    remember("local", NAME, null);
    void new BrowserStore(base).clear();
    setGuest(false);
  };
  if (login.me === undefined) return null;
  if (login.me === null && isGuest) return <Guest base={base} onLogIn={stay} />;
  if (login.me === null) {
    return (
      <Entrance>
        <LogIn login={login} onGuest={areGuestsWelcome() ? () => setGuest(true) : undefined} />
      </Entrance>
    );
  }
  return (
    <Site key={login.me.user} base={base} me={login.me} credentials={{ login: true }} onLost={login.lost} account>
      {(close) => <AccountDialog login={login} onClose={close} />}
    </Site>
  );
}

/** Somebody who says a name, and who may log in instead where there are accounts. */
function Guest({ base, onLogIn }: { base: URL; onLogIn?: () => void }) {
  const [name, setName] = useState(chosenName);
  // Beside accounts, no user has the id of a guest.
  const idOf = (guest: string): string => (onLogIn ? `guest:${guest}` : guest);
  const choose = (chosen: string): void => {
    if (name !== "" && chosen !== name) {
      const [from, to] = [ownerOf(base, idOf(name)), ownerOf(base, idOf(chosen))];
      carryDrafts(from, to);
      carryLetters(from, to);
    }
    remember("local", NAME, chosen);
    setName(chosen);
  };
  if (name === "") return <Welcome onName={choose} onLogIn={onLogIn} />;
  return (
    <Site key={name} base={base} me={{ user: idOf(name), username: name }} credentials={{ username: name }}>
      {(close) => (
        <Dialog title={t("yourName")} onClose={close}>
          <p>{t("nameHelp")}</p>
          <NameForm name={name} action={t("save")} onName={(chosen) => (close(), choose(chosen))} />
          {onLogIn && (
            <footer>
              <button type="button" class="button quiet push" onClick={onLogIn}>
                {t("logIn")}
              </button>
            </footer>
          )}
        </Dialog>
      )}
    </Site>
  );
}

function Welcome({ onName, onLogIn }: { onName: (name: string) => void; onLogIn?: (() => void) | undefined }) {
  return (
    <Entrance>
      <p>{t("whatName")}</p>
      <NameForm name="" action={t("enter")} onName={onName} />
      {onLogIn && (
        <p class="other-way">
          <button type="button" class="link" onClick={onLogIn}>
            {t("logInInstead")}
          </button>
        </p>
      )}
    </Entrance>
  );
}

function Entrance({ children }: { children: ComponentChildren }) {
  useEffect(() => {
    document.title = t("chat");
  }, []);
  return (
    <main class="welcome">
      <div class="card">
        <Picture />
        <h1>{t("comeIn")}</h1>
        {children}
      </div>
    </main>
  );
}

interface SiteProps {
  base: URL;
  me: Me;
  credentials: Credentials;
  /** Called when what says who this is is not accepted any more. */
  onLost?: () => void;
  account?: boolean;
  /** The window in which this person changes their name. */
  children: (close: () => void) => ComponentChildren;
}

function Site({ base, me, credentials, onLost, account = false, children }: SiteProps) {
  const session = useMemo(() => new Session({ base, user: me.user, credentials: () => credentials, store: new BrowserStore(base) }), []);
  session.name = me.username;
  const rooms = useMemo(() => new Rooms(session), []);
  const [window, setWindow] = useState<Window | null>(null);
  const at = useRoute();
  const { room: id, invite } = at;
  const room = useOpenRoom(session, rooms, at);
  const close = (): void => setWindow(null);
  const remove = useCallback((doomed: Room): void => setWindow({ kind: "delete", room: doomed }), []);
  const narrow = useMedia("(max-width: 44.9375rem)");

  useEffect(() => {
    session.start();
    return () => {
      rooms.close();
      session.stop();
    };
  }, []);
  useEffect(
    () =>
      session.connection.watch(() => {
        const { state } = session.connection;
        if (state.status === "refused" && state.code === 4401) onLost?.();
      }),
    [onLost],
  );
  useModel(rooms);
  useEffect(() => rooms.watch(() => rooms.status === "ready" && session.kept.noteList(() => rooms.keepable)), []);
  useWarning(session);
  useTitle(rooms, room);
  useKeys(rooms, id, (kind) => setWindow({ kind }));

  const membership = useMembership(room);
  const about = room?.info;
  return (
    <div class={id === null && invite === null ? "site choosing" : "site in-room"}>
      {room && (
        <button type="button" class="button skip" onClick={skipToRoom}>
          {t("skipToRoom")}
        </button>
      )}
      {/* On a phone the list is all there is. */}
      <div class="choice" role={narrow && id === null && invite === null ? "main" : undefined}>
        <Sidebar
          session={session}
          rooms={rooms}
          open={id}
          onNew={(suggestion) => setWindow({ kind: "new", suggestion })}
          onDelete={remove}
          onRename={() => setWindow({ kind: "name" })}
          account={account}
          onKeys={() => setWindow({ kind: "keys" })}
          onSettings={() => setWindow({ kind: "settings" })}
        />
      </div>
      <main>
        {room ? (
          <RoomView
            key={room.id}
            room={room}
            eager={matchMedia("(hover: hover) and (min-width: 45rem)").matches}
            onRename={() => setWindow({ kind: "name" })}
            role={membership?.role ?? null}
            onPerson={(person) => setWindow({ kind: "person", person })}
            members={membership && <Members room={room} membership={membership} onPerson={(person) => setWindow({ kind: "person", person })} />}
            before={
              <a class="icon-button back" href="#/" aria-label={t("allRooms")} title={t("allRooms")}>
                <Back />
                {rooms.allUnread > 0 && <span class="dot" />}
              </a>
            }
            after={
              about && (
                <>
                  <button type="button" class="icon-button" aria-label={t("searchMessages")} title={t("searchMessages")} onClick={() => setWindow({ kind: "search" })}>
                    <Search />
                  </button>
                  <button type="button" class="icon-button pins-button" aria-label={t("pins")} title={t("pins")} onClick={() => setWindow({ kind: "pins" })}>
                    <Pin />
                  </button>
                  <button type="button" class="icon-button" aria-label={t("aboutRoom")} title={t("aboutRoom")} onClick={() => setWindow({ kind: "about", room: about })}>
                    <Settings />
                  </button>
                </>
              )
            }
            gone={
              <a class="button" href="#/">
                {t("toRooms")}
              </a>
            }
          />
        ) : invite !== null ? (
          <Invitation key={invite} session={session} code={invite} onRoom={({ id: room }) => go(room)} />
        ) : (
          <Nowhere session={session} rooms={rooms} onNew={() => setWindow({ kind: "new", suggestion: "" })} />
        )}
      </main>
      {window?.kind === "new" && <RoomDialog rooms={rooms} suggestion={window.suggestion} onClose={close} mayChangeKind={account} onMade={(made) => go(made.id)} />}
      {window?.kind === "about" && membership && <AboutDialog rooms={rooms} room={window.room} membership={membership} onClose={close} onDelete={() => setWindow({ kind: "delete", room: window.room })} onLeave={() => window.room.kind === "private" && go(null)} onWindow={setWindow} />}
      {window && membership && isOfRoom(window) && <RoomWindows window={window} rooms={rooms} membership={membership} mayDirect={account} onDirect={(direct) => go(direct.id)} onClose={close} />}
      {window?.kind === "delete" && <DeleteDialog rooms={rooms} room={window.room} onClose={close} onDeleted={() => window.room.id === id && go(null)} />}
      <DesktopNotes {...{ session, rooms, room }} />
      {window?.kind === "switch" && <Switcher session={session} rooms={rooms} people={account ? peopleOf(room, membership) : []} onRoom={go} onClose={close} />}
      {window?.kind === "settings" && <SettingsDialog onClose={close} />}
      {window?.kind === "keys" && <KeysDialog onClose={close} />}
      {window?.kind === "name" && children(close)}
    </div>
  );
}

/** Whom the page knows: the others in the room that is open. */
function peopleOf(room: OpenRoom | null, membership: Membership | null): Identity[] {
  return [...(room?.people?.identities ?? []), ...(membership?.members ?? [])].filter(({ user }) => user !== room?.session.user);
}

/** No room is open. */
function Nowhere({ session, rooms, onNew }: { session: Session; rooms: Rooms; onNew: () => void }) {
  const isEmpty = rooms.status === "ready" && rooms.list.length === 0 && rooms.query === "";
  return (
    <div class="nowhere">
      <ConnectionNote session={session} />
      <div class="state">
        <Picture />
        <h2>{rich("hello", { name: session.name })}</h2>
        <p>{isEmpty ? t("allYours") : t("chooseRoom")}</p>
        <button type="button" class={isEmpty ? "button" : "button quiet"} onClick={onNew}>
          <Plus /> {t("newRoom")}
        </button>
      </div>
    </div>
  );
}

function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const [fits, setFits] = useState(media.matches);
  useEffect(() => {
    const onChange = (): void => setFits(media.matches);
    media.addEventListener("change", onChange);
    return () => media.removeEventListener("change", onChange);
  }, [media]);
  return fits;
}

/** The room that the address names, or the invite to one. */
interface Route {
  room: number | null;
  /** The message in it that the address names. */
  message: number | null;
  invite: string | null;
  /** Whether somebody goes there who is there already. */
  isAgain?: true;
}

function useRoute(): Route {
  const [current, setCurrent] = useState(route);
  useEffect(() => {
    const onHash = (): void => setCurrent(route());
    // The browser says nothing of a link to where one is already.
    const onClick = (event: MouseEvent): void => {
      const link = (event.target as Element | null)?.closest?.<HTMLAnchorElement>("a[href]");
      if (link && event.button === 0 && link.target === "" && link.href === location.href) setCurrent({ ...route(), isAgain: true });
    };
    addEventListener("hashchange", onHash);
    addEventListener("click", onClick);
    return () => {
      removeEventListener("hashchange", onHash);
      removeEventListener("click", onClick);
    };
  }, []);
  return current;
}

/** The room's number is 0 if the address is a room's and cannot be one. */
function route(): Route {
  const [, written, message] = /^#\/rooms\/(.*?)(?:\/([1-9]\d{0,14}))?$/.exec(location.hash) ?? [];
  const id = written !== undefined && /^[1-9]\d{0,14}$/.test(written) ? Number(written) : 0;
  return { room: written === undefined ? null : id, message: message === undefined ? null : Number(message), invite: inviteIn(location.hash) };
}

function go(room: number | null): void {
  location.hash = room === null ? "#/" : `#/rooms/${room}`;
}

/** Opens the room and closes the one before; goes to the message that the address names. */
function useOpenRoom(session: Session, rooms: Rooms, at: Route): OpenRoom | null {
  const { room: id, message } = at;
  const [room, setRoom] = useState<OpenRoom | null>(null);
  const shown = useRef<{ room: OpenRoom | null; at: Route } | null>(null);
  useEffect(() => {
    if (id === null) {
      rooms.setOpen(null);
      setRoom(null);
      return;
    }
    rooms.setOpen(id);
    const opened = new OpenRoom(session, id, placeOf(history.state));
    const keep = keepPlaces(id);
    opened.onPlace = keep.keep;
    const unhear = opened.onEvent((event) => rooms.heard(id, event));
    const unwatch = opened.watch(() => {
      if (opened.people) rooms.counted(id, opened.people.count);
      if (opened.info) rooms.opened(opened.info);
      if (opened.status === "gone") rooms.lost(id, opened.code);
      else session.kept.note(id, () => (opened.status === "ready" && opened.info ? { info: opened.info, timeline: opened.timeline } : null));
    });
    setRoom(opened);
    return () => {
      unhear();
      unwatch();
      keep.close();
      opened.close();
    };
  }, [id]);
  useEffect(() => {
    const before = shown.current;
    if (room?.id !== id || room === null) return;
    shown.current = { room, at };
    const wasHere = before?.room === room && before.at !== at;
    const place = placeOf(history.state);
    // Where one has been since is where a reload goes back to, and Back.
    if (message !== null && (place === null || at.isAgain)) void room.goTo(message);
    else if (wasHere && !at.isAgain) void room.goBack(place);
  }, [room, at]);
  return room?.id === id ? room : null;
}

/** The place in the room that the browser keeps with this step of its history: over a reload, and for Back. */
function placeOf(state: unknown): Place | null {
  const { seq, bottom } = (state as { place?: Partial<Place> } | null)?.place ?? {};
  return Number.isSafeInteger(seq) && Number.isFinite(bottom) ? { seq: seq as number, bottom: bottom as number } : null;
}

/** Keeps places, but not each step of scrolling: browsers limit how often they take one. */
function keepPlaces(room: number): { keep: (place: Place | null) => void; close: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: Place | null = placeOf(history.state);
  let hash = location.hash;
  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (hash === location.hash && route().room === room) history.replaceState({ ...(history.state as object | null), place: last }, "");
  };
  const keep = (place: Place | null): void => {
    last = place;
    // What one saw at another step is not this one's.
    if (hash !== location.hash) clearTimeout(timer), (timer = undefined);
    hash = location.hash;
    timer ??= setTimeout(write, PLACE_MS);
  };
  addEventListener("pagehide", write);
  return { keep, close: () => (clearTimeout(timer), removeEventListener("pagehide", write)) };
}

const PLACE_MS = 400;

/** What one is in the room that is open, and who else is in it. */
function useMembership(room: OpenRoom | null): Membership | null {
  const [membership, setMembership] = useState<Membership | null>(null);
  const [, setSeen] = useState({});
  useEffect(() => membership?.watch(() => setSeen({})), [membership]);
  useEffect(() => {
    const opened = room && new Membership(room);
    setMembership(opened);
    return () => opened?.close();
  }, [room]);
  return membership?.room === room ? membership : null;
}

/** `(3) general · Chat` */
function useTitle(rooms: Rooms, room: OpenRoom | null): void {
  const [, setSeen] = useState({});
  useEffect(() => room?.watch(() => setSeen({})), [room]);
  const unread = rooms.allUnread + (room ? (room.unseen) : 0);
  const name = room?.info && room.status !== "gone" ? roomName(room.info) : undefined;
  const title = `${unread > 0 ? `(${unread > 99 ? `${number(99)}+` : number(unread)}) ` : ""}${name ? `${name} · ` : ""}${t("chat")}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** Asks before the page is left while something is not sent. (It is kept, but nobody sends it then.) */
function useWarning({ outbox }: Session): void {
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent): void => {
      if (outbox.hasUnsent) event.preventDefault();
    };
    addEventListener("beforeunload", onLeave);
    return () => removeEventListener("beforeunload", onLeave);
  }, [outbox]);
}

/** Whether a key that is pressed there is written, or belongs to a window that is open. */
function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, dialog") !== null;
}

/** Whether Alt and an arrow is for what is there: it opens a choice, and a window is in front of the rooms. */
function opensThere(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("select, dialog") !== null;
}

/** Goes past the list of rooms: to the field for writing, or, where there is none, to the messages. */
function skipToRoom(): void {
  const target = document.querySelector<HTMLElement>("main textarea") ?? document.querySelector<HTMLElement>("main [role=log]");
  target?.focus();
}

/** Keys that work everywhere. */
function useKeys(rooms: Rooms, open: number | null, onWindow: (kind: "switch" | "keys") => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && letterOf(event) === "k") {
        event.preventDefault();
        onWindow("switch");
        // What is typed right after it is for the window, and no letter for the field that has the focus now.
        flush();
      } else if (event.key === "?" && !event.ctrlKey && !event.metaKey && !isWriting(event.target)) {
        event.preventDefault();
        onWindow("keys");
      } else if (event.altKey && !event.ctrlKey && (event.key === "ArrowUp" || event.key === "ArrowDown") && !opensThere(event.target)) {
        const list = rooms.list;
        const at = list.findIndex(({ id }) => id === open);
        const next = list[at < 0 ? 0 : at + (event.key === "ArrowUp" ? -1 : 1)];
        if (next) {
          event.preventDefault();
          go(next.id);
        }
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [open]);
}
