/**
 * The list of rooms. One's own come from the server with what is unread in them; what is new then is told by notices, and by
 * the activity of the rooms that are watched. Nothing is asked for again but what the server says was missed, and which
 * rooms others have made.
 */
import { isMessage, type Activity, type ChatMessage, type Notice, type RoomEvent, type RoomUpdated } from "../client/src/index.ts";
import { codeOf, type MyRoom, type NewRoom, type Notify, type Room, type RoomChange } from "./api.ts";
import { Badges } from "./badges.ts";
import { Favourites, inParts, type Part } from "./favourites.ts";
import { noticingLate } from "./late.ts";
import { Model } from "./model.ts";
import { serverNow } from "./clock.ts";
import type { KeptList } from "./kept/form.ts";
import type { Session } from "./session.ts";
import { roomName } from "./title.tsx";
import { Watches } from "./watches.ts";

const PAGE = 100;
/** No page of one's own rooms is longer. */
const OWN_PAGE = 200;
/** So many rooms are read at once, and can be watched; if there are more, they follow page by page. */
const READ_AHEAD = 1_000;
/** While the page is seen, the server is asked this often whether there are rooms that it has not told of. */
const LOOK_MS = 15_000;
/** As long as not all rooms are known, the next of them are read this often, */
const FOLLOW_MS = 2_000;
/** up to so many: a search finds what is beyond, and who goes on down the list. */
const MOST_FOLLOWED = 5_000;
const SEARCH_MS = 180;
/** So many rooms of the list are kept for the next visit. */
const MOST_KEPT = 300;
/** So much of a time stamp says which minute it is. */
const MINUTES = "2026-11-22T10:00".length;

export class Rooms extends Model {
  status: "loading" | "ready" | "failed" = "loading";
  code = "";
  query = "";
  loadingMore = false;
  /** Why a search or further rooms did not come; empty while nothing is missing. */
  problem = "";
  /** The room that is open; it is watched by itself. */
  open: number | null = null;
  readonly #rooms = new Map<number, Room>();
  /** What this person wants to be told of their own rooms. */
  readonly #notify = new Map<number, Notify>();
  readonly #badges: Badges;
  readonly #favourites: Favourites;
  /** One's own rooms that the server has not listed yet: those of the last visit, and those one was brought into since. */
  #keptOwn = new Set<number>();
  readonly #watches: Watches;
  readonly #listeners = new Set<(activity: Activity) => void>();
  /** What a search has found; null while there is none. */
  #found: number[] | null = null;
  #foundNext: string | null = null;
  /** How far the rooms were read, by their ids; those that others make come after it. */
  #after = "";
  /** Whether there were none after it. */
  #isAll = false;
  /** Whether the lists could not be read, and are as they were before. */
  #isOld = false;
  /** How many are shown. */
  #shown = PAGE;
  #asked = 0;
  #reading = false;
  /** Something was missed since the lists are being read. */
  #stale = false;
  #look: ReturnType<typeof setTimeout> | undefined;
  #search: ReturnType<typeof setTimeout> | undefined;
  #sorted: { version: number; rooms: Room[] } = { version: -1, rooms: [] };
  readonly #session: Session;
  readonly #unwatch: (() => void)[];
  readonly #onVisible = (): void => {
    if (document.visibilityState === "visible") void this.#lookForNew();
  };

  constructor(session: Session) {
    super();
    this.#session = session;
    this.#favourites = new Favourites(session.owner);
    this.#badges = new Badges(session, () => this.changed());
    this.#watches = new Watches(session, {
      attached: (room, head) => this.#attached(room, head),
      activity: (activity) => this.#activity(activity),
      gone: (room) => this.#gone(room),
    });
    this.#unwatch = [
      session.client.onNotice((notice) => this.#noticed(notice)),
      session.readMarks.onAnswer((room, unread) => this.#badges.answer(room, unread)),
      session.connection.watch(() => this.#watches.connection()),
    ];
    document.addEventListener("visibilitychange", this.#onVisible);
    void this.load();
  }

  close(): void {
    this.#asked += 1;
    clearTimeout(this.#look);
    clearTimeout(this.#search);
    document.removeEventListener("visibilitychange", this.#onVisible);
    for (const unwatch of this.#unwatch) unwatch();
    this.#badges.close();
    this.#watches.close();
  }

  /** Part by part, the busiest first; a new room counts as busy. One's own and the open one are always there. */
  get list(): Room[] {
    if (this.#sorted.version !== this.version) this.#sorted = { version: this.version, rooms: this.#sort() };
    return this.#sorted.rooms;
  }

  /** Whether there are more than are shown. */
  get hasMore(): boolean {
    return this.#found === null ? !this.#isAll || this.#shown < this.#rooms.size : this.#foundNext !== null;
  }

  get(room: number): Room | undefined {
    return this.#rooms.get(room);
  }

  /** Whether it is one of one's own rooms. */
  isOwn(room: number): boolean {
    return this.#badges.has(room) || this.#keptOwn.has(room);
  }

  partOf(room: number): Part {
    if (this.#favourites.has(room)) return "favourites";
    return this.isOwn(room) ? "yours" : "browse";
  }

  setFavourite(room: number, isOne: boolean): void {
    this.#favourites.set(room, isOne);
    this.changed();
  }

  /** What this person wants to be told of a room: everything, as long as they have not said otherwise. */
  notify(room: number): Notify {
    return this.#notify.get(room) ?? "all";
  }

  async setNotify(room: number, notify: Notify): Promise<void> {
    await this.#session.api.notify(room, notify);
    this.#notify.set(room, notify);
    this.changed();
  }

  /** Whether this person wants to hear nothing of the room. */
  isMuted(room: number): boolean {
    return this.notify(room) === "none";
  }

  /** Calls `listener` with what is new in the rooms that are not open; the answer ends that. */
  onActivity(listener: (activity: Activity) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  unread(room: number): number {
    return room === this.open ? 0 : this.#badges.of(room);
  }

  /** How many of the unread messages mention this person. */
  mentions(room: number): number {
    return room === this.open ? 0 : this.#badges.mentions(room);
  }

  get allUnread(): number {
    return this.#badges.sum(this.open, (room) => this.isMuted(room));
  }

  search(query: string): void {
    this.query = query;
    this.problem = "";
    clearTimeout(this.#search);
    this.#asked += 1;
    if (query.trim() === "") this.#found = null;
    else this.#search = setTimeout(() => void this.#find(), SEARCH_MS);
    this.changed();
  }

  /** Reads the lists anew; what is there stays until it is known to be otherwise. */
  async load(): Promise<void> {
    this.#stale = this.#reading;
    if (this.#reading) return;
    this.#reading = true;
    try {
      await noticingLate(this.#readLists(), () => void this.#takeKept());
      this.status = "ready";
      this.#isOld = false;
      if (this.#isAll) this.#session.kept.retain((room) => this.#rooms.has(room) || room === this.open);
    } catch (error) {
      this.code = codeOf(error);
      this.#isOld = true;
      await this.#takeKept();
      if (this.status === "loading") this.status = "failed";
    }
    this.#reading = false;
    this.#lookAgain();
    this.changed();
  }

  async loadMore(): Promise<void> {
    if (!this.hasMore || this.loadingMore) return;
    this.loadingMore = true;
    this.problem = "";
    this.changed();
    try {
      if (this.#found !== null) await this.#findMore();
      else {
        if (this.#shown + PAGE > this.#rooms.size && !this.#isAll) await this.#readPage();
        this.#shown += PAGE;
      }
    } catch (error) {
      this.problem = codeOf(error);
    }
    this.loadingMore = false;
    this.#watch();
    this.changed();
  }

  async create(room: NewRoom): Promise<Room> {
    const made = await this.#session.api.createRoom(room);
    this.#session.readMarks.raise(made.id, made.head);
    this.#rooms.set(made.id, made);
    this.#watch();
    this.changed();
    return made;
  }

  async update(room: number, change: RoomChange): Promise<void> {
    this.#set(await this.#session.api.updateRoom(room, change));
  }

  async delete(room: number): Promise<void> {
    try {
      await this.#session.api.deleteRoom(room);
    } catch (error) {
      if (codeOf(error) !== "room_not_found") throw error;
    }
    this.#gone(room);
  }

  /** Says which room is open: it is watched by itself, and is up to date. */
  setOpen(room: number | null): void {
    if (room === this.open) return;
    this.open = room;
    this.#watch();
    this.changed();
  }

  /** What the open room says of itself. */
  opened(room: Room): void {
    const known = this.#rooms.get(room.id);
    if (known && known.name === room.name && known.topic === room.topic && known.kind === room.kind) return;
    this.#rooms.set(room.id, room);
    this.changed();
  }

  /** What the open room heard. */
  heard(room: number, event: RoomEvent): void {
    if (isMessage(event) && event.thread === undefined) this.#lastMessage(event);
    if (event.type === "room_updated") this.#renamed(room, event as RoomUpdated);
    if (event.type === "room_deleted") this.#gone(room);
  }

  /** The open room says that it is over. */
  lost(room: number, code: string): void {
    if (code === "room_deleted" || code === "room_not_found") this.#gone(room);
  }

  /** How many are in the open room. */
  counted(room: number, online: number): void {
    const known = this.#rooms.get(room);
    if (known && known.online !== online) this.#set({ ...known, online });
  }

  /** What is kept of the list for the next visit: the busiest rooms, and one's own. */
  get keepable(): KeptList {
    const rooms = this.#first(PAGE).slice(0, MOST_KEPT);
    return { rooms, own: rooms.flatMap(({ id }) => (this.isOwn(id) ? id : [])) };
  }

  #sort(): Room[] {
    const rooms = this.#found === null ? this.#first(this.#shown) : byActivity(this.#found.flatMap((id) => this.#rooms.get(id) ?? []));
    return inParts(rooms, ({ id }) => this.partOf(id));
  }

  #first(count: number): Room[] {
    return byActivity([...this.#rooms.values()]).filter(({ id }, place) => place < count || id === this.open || this.isOwn(id) || this.#favourites.has(id));
  }

  /** While the server cannot be reached, the list is as it was at the last visit, if it is known how that was. */
  async #takeKept(): Promise<void> {
    await this.#session.kept.ready;
    const { rooms, own } = this.#session.kept.list;
    if (this.status !== "loading" || rooms.length === 0) return;
    for (const room of rooms) if (!this.#rooms.has(room.id)) this.#rooms.set(room.id, { ...room, online: 0 });
    this.#keptOwn = new Set(own);
    this.#isAll = true;
    this.status = "ready";
    this.changed();
  }

  async #readLists(): Promise<void> {
    await this.#readOwn();
    await this.#readAll();
    if (this.#stale) await this.#readOwn();
  }

  /** One's own rooms, with what is unread in them. */
  async #readOwn(): Promise<void> {
    const ask = this.#badges.asking();
    let after: string | undefined;
    for (let read = 0; read < READ_AHEAD; read += OWN_PAGE) {
      const { rooms, next } = await this.#session.api.myRooms({ limit: OWN_PAGE, ...(after !== undefined && { after }) });
      for (const room of rooms) {
        this.#rooms.set(room.id, listed(room));
        this.#notify.set(room.id, room.notify);
        if (room.id !== this.open) this.#session.readMarks.know(room.id, room.read);
        ask(room);
      }
      if (next == null) {
        this.#dropForeign();
        break;
      }
      after = next;
    }
    this.#watch();
  }

  /** Private rooms that were kept, and are not one's own any more. */
  #dropForeign(): void {
    this.#keptOwn = new Set();
    for (const { id, kind } of this.#session.kept.list.rooms) if (kind !== "public" && !this.#badges.has(id)) this.#gone(id);
  }

  /** The rooms there are, as far as they were read already, and the first of them. */
  async #readAll(): Promise<void> {
    [this.#after, this.#isAll] = ["", false];
    const there = new Set<number>();
    while (!this.#isAll && there.size < READ_AHEAD) {
      for (const id of await this.#readPage()) there.add(id);
      this.status = "ready";
      this.changed();
    }
    // Those that are not there any more.
    if (this.#isAll) for (const id of [...this.#rooms.keys()]) if (!there.has(id) && id !== this.open && !this.#badges.has(id)) this.#gone(id);
    this.#watch();
  }

  async #readPage(): Promise<number[]> {
    const { rooms, next } = await this.#session.api.rooms({ limit: PAGE, ...(this.#after !== "" && { after: this.#after }) });
    this.#after = next ?? String(rooms.at(-1)?.id ?? this.#after);
    this.#isAll = next == null;
    return this.#take(rooms);
  }

  /** Rooms that others have made have the highest ids. Lists that could not be read are read now. */
  async #lookForNew(): Promise<void> {
    if (this.#isOld) return this.load();
    if (this.#reading || this.status !== "ready" || this.#hasPlenty) return this.#lookAgain();
    try {
      if ((await this.#readPage()).length > 0) {
        this.#watch();
        this.changed();
      }
    } catch {
      // The next look finds them.
    }
    this.#lookAgain();
  }

  get #hasPlenty(): boolean {
    return !this.#isAll && this.#rooms.size >= MOST_FOLLOWED;
  }

  #lookAgain(): void {
    clearTimeout(this.#look);
    const look = (): void => (document.visibilityState === "visible" ? void this.#lookForNew() : this.#lookAgain());
    this.#look = setTimeout(look, this.#isAll || this.#isOld || this.#hasPlenty ? LOOK_MS : FOLLOW_MS);
  }

  async #find(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const { rooms, next } = await this.#session.api.rooms({ limit: PAGE, q: this.query.trim() });
      if (asked !== this.#asked) return;
      this.#found = [...this.#known((room) => room.kind === "direct"), ...this.#take(rooms)];
      this.#foundNext = next ?? null;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.problem = codeOf(error);
      this.#found = this.#known(() => true);
      this.#foundNext = null;
    }
    this.changed();
  }

  /** The known rooms of that kind that fit. Rooms of two are one's own alone: no search at the server finds them. */
  #known(isMeant: (room: Room) => boolean): number[] {
    const wanted = this.query.trim().toLowerCase();
    return [...this.#rooms.values()].filter((room) => isMeant(room) && roomName(room).toLowerCase().includes(wanted)).map(({ id }) => id);
  }

  async #findMore(): Promise<void> {
    const asked = this.#asked;
    const { rooms, next } = await this.#session.api.rooms({ limit: PAGE, q: this.query.trim(), after: this.#foundNext ?? "" });
    if (asked !== this.#asked || this.#found === null) return;
    this.#found.push(...this.#take(rooms));
    this.#foundNext = next ?? null;
  }

  #take(rooms: Room[]): number[] {
    for (const room of rooms) this.#rooms.set(room.id, room);
    return rooms.map(({ id }) => id);
  }

  #noticed(notice: Notice): void {
    switch (notice.type) {
      case "hello":
      case "missed":
        return void this.load();
      case "room_added":
        this.#keptOwn.add(notice.room.id);
        this.#rooms.set(notice.room.id, notice.room as Room);
        this.#watch();
        return this.changed();
      case "room_removed":
        return this.#gone(notice.room);
      case "mention":
        return this.#badges.mention(notice.room);
    }
  }

  #watch(): void {
    const ids = byActivity([...this.#rooms.values()]).flatMap(({ id }) => (id === this.open ? [] : id));
    // One's own come first.
    this.#watches.set(ids.sort((a, b) => Number(this.#badges.has(b)) - Number(this.#badges.has(a))));
  }

  /** The room is watched from now on: what came before that is not told, and may have made it the busiest. */
  #attached(room: number, head: number): void {
    this.#badges.attached(room, head);
    const isNewer = (than: number): boolean => than > (this.#rooms.get(room)?.head ?? Number.POSITIVE_INFINITY);
    if (isNewer(head)) void this.#session.api.room(room).then((now) => isNewer(now.head) && this.#set(now), () => {});
  }

  #activity(activity: Activity): void {
    const { room, head, last } = activity;
    const known = this.#rooms.get(room);
    if (!known) return;
    this.#badges.activity(activity, known.head);
    // It may tell of an edit: then nobody has written just now.
    const isNew = last !== undefined && last.seq > known.head;
    this.#set({ ...known, head: Math.max(known.head, head), ...(isNew && { last_message_at: new Date(serverNow()).toISOString() }) });
    if (isNew) for (const listener of this.#listeners) listener(activity);
  }

  #lastMessage({ room, seq, timestamp }: ChatMessage): void {
    const known = this.#rooms.get(room);
    if (!known || known.head >= seq) return;
    const now = { ...known, head: seq, last_message_at: timestamp };
    // The busiest room of its part is that already, and shows minutes: a flood changes nothing of the list.
    const isShown = this.list.find(({ id }) => this.partOf(id) === this.partOf(room))?.id === room && known.last_message_at?.slice(0, MINUTES) === timestamp.slice(0, MINUTES);
    if (isShown) this.#rooms.set(room, now);
    else this.#set(now);
  }

  #renamed(room: number, { seq, name, topic, kind, invites }: RoomUpdated): void {
    const known = this.#rooms.get(room);
    if (known) this.#set({ ...known, head: seq, name, topic, kind, invites });
  }

  #set(room: Room): void {
    if (!this.#rooms.has(room.id)) return;
    this.#rooms.set(room.id, room);
    this.changed();
  }

  #gone(room: number): void {
    this.#watches.forget(room);
    this.#badges.forget(room);
    this.#notify.delete(room);
    this.#keptOwn.delete(room);
    this.#session.readMarks.forget(room);
    this.#session.kept.forget(room);
    if (this.#rooms.delete(room)) this.changed();
  }
}

/** A room without what is its user's. */
function listed({ read: _, unread: __, mentions: ___, ordinal: ____, last_message: _____, role: ______, notify: _______, ...room }: MyRoom): Room {
  return room;
}

function byActivity(rooms: Room[]): Room[] {
  return rooms.sort((a, b) => compare(lastAt(b), lastAt(a)) || b.id - a.id);
}

/** The time stamps of a server are of one length: they are in order as they stand. */
function lastAt(room: Room): string {
  return room.last_message_at ?? room.created_at;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
