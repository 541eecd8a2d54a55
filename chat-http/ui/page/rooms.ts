/** The list of rooms, and what is new in those that are not open. */
import { isMessage, type Attachment, type Position, type RoomEvent } from "../client/src/index.ts";
import { codeOf, type Message, type NewRoom, type Room, type RoomChange } from "./api.ts";
import { Model } from "./model.ts";
import type { Session } from "./session.ts";

const PAGE = 100;
/** Rooms that come and go elsewhere, and who is in them, are asked for this often while the page is seen. */
const REFRESH_MS = 15_000;
const SEARCH_MS = 180;
/** A session may watch 128; some are left for the open room and for what comes. */
const WATCHED = 100;

interface Watched {
  attachment: Attachment;
  /** Messages of others after the mark, as far as they are known. */
  unread: number;
  /** Up to which number they have been counted. */
  counted: number;
}

export class Rooms extends Model {
  status: "loading" | "ready" | "failed" = "loading";
  code = "";
  query = "";
  next: string | null = null;
  loadingMore = false;
  /** The room that is open; it is watched by itself. */
  open: number | null = null;
  #rooms = new Map<number, Room>();
  #watched = new Map<number, Watched>();
  #asked = 0;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  #search: ReturnType<typeof setTimeout> | undefined;
  readonly #session: Session;
  readonly #unwatch: (() => void)[];
  readonly #onVisible = (): void => {
    if (document.visibilityState === "visible") void this.load();
  };

  constructor(session: Session) {
    super();
    this.#session = session;
    let wasOnline = false;
    this.#unwatch = [
      session.readMarks.watch(() => this.#readElsewhere()),
      session.connection.watch(() => {
        const { online } = session.connection;
        if (online && !wasOnline) void this.load();
        wasOnline = online;
      }),
    ];
    document.addEventListener("visibilitychange", this.#onVisible);
    void this.load();
  }

  close(): void {
    this.#asked += 1;
    clearTimeout(this.#refresh);
    clearTimeout(this.#search);
    document.removeEventListener("visibilitychange", this.#onVisible);
    for (const unwatch of this.#unwatch) unwatch();
    for (const { attachment } of this.#watched.values()) attachment.detach();
    this.#watched.clear();
  }

  /** The busiest first; a new room counts as busy. */
  get list(): Room[] {
    return [...this.#rooms.values()].sort((a, b) => lastAt(b) - lastAt(a) || b.id - a.id);
  }

  get(room: number): Room | undefined {
    return this.#rooms.get(room);
  }

  unread(room: number): number {
    return room === this.open ? 0 : (this.#watched.get(room)?.unread ?? 0);
  }

  get allUnread(): number {
    let sum = 0;
    for (const room of this.#watched.keys()) sum += this.unread(room);
    return sum;
  }

  search(query: string): void {
    this.query = query;
    this.changed();
    clearTimeout(this.#search);
    this.#search = setTimeout(() => void this.load(), SEARCH_MS);
  }

  /** Reads the first page, which replaces the list. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    clearTimeout(this.#refresh);
    try {
      const { rooms, next } = await this.#session.api.rooms(this.#asking());
      if (asked !== this.#asked) return;
      // Pages that were asked for stay while nothing is being searched for.
      const kept = this.next === null && next !== null && !this.query ? [...this.#rooms.values()].filter(({ id }) => id > (rooms.at(-1)?.id ?? 0)) : [];
      this.#rooms = new Map([...rooms, ...kept].map((room) => [room.id, room]));
      this.next = kept.length > 0 ? null : (next ?? null);
      this.status = "ready";
      this.#watch();
    } catch (error) {
      if (asked !== this.#asked) return;
      this.code = codeOf(error);
      if (this.#rooms.size === 0) this.status = "failed";
    }
    this.#again();
    this.changed();
  }

  async loadMore(): Promise<void> {
    if (this.next === null || this.loadingMore) return;
    this.loadingMore = true;
    this.changed();
    const asked = ++this.#asked;
    try {
      const { rooms, next } = await this.#session.api.rooms({ ...this.#asking(), after: this.next });
      if (asked === this.#asked) {
        for (const room of rooms) this.#rooms.set(room.id, room);
        this.next = next ?? null;
        this.#watch();
      }
    } catch (error) {
      this.code = codeOf(error);
    }
    this.loadingMore = false;
    this.#again();
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

  /** What the open room heard. */
  heard(room: number, event: RoomEvent): void {
    if (isInHistory(event)) this.#lastMessage(event as Message);
    if (event.type === "room_updated") this.#renamed(room, event as unknown as { seq: number; name: string; topic: string });
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

  #asking(): { limit: number; q?: string } {
    const q = this.query.trim();
    return q ? { limit: PAGE, q } : { limit: PAGE };
  }

  #again(): void {
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(() => (document.visibilityState === "visible" ? void this.load() : this.#again()), REFRESH_MS);
  }

  /** Watches, unseen, the busiest rooms but the open one. */
  #watch(): void {
    if (this.query.trim() === "") {
      const wanted = new Set(this.list.slice(0, WATCHED).map(({ id }) => id));
      for (const [room, { attachment }] of this.#watched) {
        if (wanted.has(room) && room !== this.open) continue;
        attachment.detach();
        this.#watched.delete(room);
      }
      for (const room of wanted) if (room !== this.open && !this.#watched.has(room)) this.#watchOne(room);
    } else if (this.open !== null) {
      this.#watched.get(this.open)?.attachment.detach();
      this.#watched.delete(this.open);
    }
  }

  #watchOne(room: number): void {
    const head = (position: Position): void => this.#head(room, position.seq);
    const attachment = this.#session.client.attach(
      room,
      {
        attached: head,
        resync: head,
        event: (event) => this.#event(room, event),
        ended: () => this.#gone(room),
      },
      { presence: false },
    );
    const known = this.#rooms.get(room);
    this.#watched.set(room, { attachment, unread: 0, counted: 0 });
    if (known) this.#head(room, known.head);
  }

  /** The room has this many events: those after the mark are new. */
  #head(room: number, head: number): void {
    const { readMarks } = this.#session;
    const read = readMarks.of(room);
    if (read === null) readMarks.raise(room, head);
    else if (read > head) readMarks.lower(room, head);
    this.#count(room, head);
  }

  /** All after the mark, up to this number. */
  #count(room: number, head: number): void {
    const watched = this.#watched.get(room);
    if (!watched) return;
    watched.counted = Math.max(watched.counted, head);
    this.#setUnread(watched, watched.counted - (this.#session.readMarks.of(room) ?? watched.counted));
  }

  #event(room: number, event: RoomEvent): void {
    const watched = this.#watched.get(room);
    if (!watched) return;
    const isNews = isInHistory(event) && (event as Message).user !== this.#session.user;
    // Whoever writes has read; and what needs no reading takes the mark along, if it stood just before.
    const isOwn = isInHistory(event) && !isNews;
    if (isOwn || (!isNews && watched.unread === 0)) this.#session.readMarks.raise(room, event.seq);
    if (isNews && event.seq > watched.counted) this.#setUnread(watched, watched.unread + 1);
    watched.counted = Math.max(watched.counted, event.seq);
    this.heard(room, event);
  }

  #setUnread(watched: Watched, unread: number): void {
    if (watched.unread === unread) return;
    watched.unread = Math.max(0, unread);
    this.changed();
  }

  /** Another tab has read on. */
  #readElsewhere(): void {
    for (const [room, watched] of this.#watched) {
      const read = this.#session.readMarks.of(room);
      if (read !== null) watched.unread = Math.min(watched.unread, Math.max(0, watched.counted - read));
    }
    this.changed();
  }

  #lastMessage({ room, seq, timestamp }: Message): void {
    const known = this.#rooms.get(room);
    if (known && known.head < seq) this.#set({ ...known, head: seq, last_message_at: timestamp });
  }

  #renamed(room: number, { seq, name, topic }: { seq: number; name: string; topic: string }): void {
    const known = this.#rooms.get(room);
    if (known) this.#set({ ...known, head: seq, name, topic });
  }

  #set(room: Room): void {
    if (!this.#rooms.has(room.id)) return;
    this.#rooms.set(room.id, room);
    this.changed();
  }

  #gone(room: number): void {
    this.#watched.get(room)?.attachment.detach();
    this.#watched.delete(room);
    this.#session.readMarks.forget(room);
    if (this.#rooms.delete(room)) this.changed();
  }
}

/** Whether it is a message, and in no thread. */
function isInHistory(event: RoomEvent): boolean {
  return isMessage(event) && event.thread === undefined;
}

function lastAt(room: Room): number {
  return Date.parse(room.last_message_at ?? room.created_at);
}
