/**
 * Notifications outside of the page, while it is not seen: of mentions, of what comes into the room that was left open, and
 * of rooms of two. Each room has its own setting, which the server keeps. Browsers ask a person once: so it is not asked for
 * before there is something to tell.
 */
import { isMessage, type ChatMessage, type Notice, type RoomEvent } from "../client/src/index.ts";
import type { Notify, Room } from "./api.ts";
import { t } from "./language.ts";
import { Model } from "./model.ts";
import type { Session } from "./session.ts";
import { remember, remembered } from "./storage.ts";
import { roomName } from "./title.tsx";

/** Somebody was asked, and wants none. */
const DECLINED = "chat.notifications.declined";
/** So many of the busiest rooms have their settings read. */
const ROOMS = 200;
/** So much of a message is shown. */
const SHOWN = 120;

export class Desktop extends Model {
  /** Whether there was something to tell, and it is not known whether it may be told. */
  asks = false;
  readonly #session: Session;
  readonly #rooms = new Map<number, { room: Room; notify: Notify }>();
  readonly #unhear: () => void;

  constructor(session: Session) {
    super();
    this.#session = session;
    this.#unhear = session.client.onNotice((notice) => this.#noticed(notice));
  }

  close(): void {
    this.#unhear();
  }

  /** What this person wants to be told of a room. */
  async notify(room: number): Promise<Notify> {
    return (await this.#about(room))?.notify ?? "all";
  }

  async setNotify(room: Room, notify: Notify): Promise<void> {
    await this.#session.api.notify(room.id, notify);
    this.#rooms.set(room.id, { room, notify });
  }

  /** What the room that is open has heard. */
  heard(event: RoomEvent): void {
    if (isMessage(event) && event.thread === undefined && event.user !== this.#session.user) void this.#message(event);
  }

  /** The person has said whether they want to be told; the browser asks them itself, then. */
  async answer(wanted: boolean): Promise<void> {
    this.asks = false;
    this.changed();
    if (!wanted) remember("local", DECLINED, true);
    else await Notification.requestPermission();
  }

  #noticed(notice: Notice): void {
    if (notice.type === "mention") void this.#mention(notice);
    // Another device may have changed the settings.
    if (notice.type === "hello" || notice.type === "missed") this.#rooms.clear();
  }

  async #mention({ room, seq, user, username }: Extract<Notice, { type: "mention" }>): Promise<void> {
    if (document.visibilityState === "visible" || user === this.#session.user) return;
    const about = await this.#about(room);
    if (about?.notify === "none") return;
    this.#tell(room, seq, t("mentionedYou", { who: username, room: about ? roomName(about.room) : t("room") }), "");
  }

  async #message({ room, seq, username, content }: ChatMessage): Promise<void> {
    if (document.visibilityState === "visible") return;
    const about = await this.#about(room);
    if (!about || about.notify !== "all") return;
    const title = about.room.kind === "direct" ? username : t("inRoom", { who: username, room: roomName(about.room) });
    this.#tell(room, seq, title, [...content].slice(0, SHOWN).join(""));
  }

  #tell(room: number, seq: number, title: string, body: string): void {
    if (typeof Notification === "undefined") return;
    if (Notification.permission === "granted") {
      const note = new Notification(title, { body, tag: `chat ${room}` });
      note.onclick = () => {
        window.focus();
        location.hash = `#/rooms/${room}/${seq}`;
        note.close();
      };
    } else if (Notification.permission === "default" && !remembered("local", DECLINED, false)) {
      this.asks = true;
      this.changed();
    }
  }

  async #about(room: number): Promise<{ room: Room; notify: Notify } | undefined> {
    if (!this.#rooms.has(room)) {
      try {
        const { rooms } = await this.#session.api.myRooms({ limit: ROOMS });
        for (const each of rooms) this.#rooms.set(each.id, { room: each, notify: each.notify });
      } catch {
        // Then it is as if nothing had been said of the room.
      }
    }
    return this.#rooms.get(room);
  }
}
