/**
 * Notifications outside of the page, with a tone for whoever wants one, while it is not seen: of mentions and answers in threads, of what
 * comes into the room that was left open, and
 * of rooms of two. Each room has its own setting, which the server keeps. Browsers ask a person once: so it is not asked for
 * before there is something to tell, or they turn it on in the settings.
 */
import { isMessage, type ChatMessage, type Notice, type RoomEvent } from "../client/src/index.ts";
import { t } from "./language.ts";
import { plainText } from "./markup/plain.ts";
import { Model } from "./model.ts";
import { show } from "./notes.ts";
import type { Rooms } from "./rooms.ts";
import type { Session } from "./session.ts";
import { settings } from "./settings/settings.ts";
import { ring } from "./settings/sound.ts";
import { roomName } from "./title.tsx";

/** So much of a message is shown. */
const SHOWN = 120;

export class Desktop extends Model {
  /** Whether there was something to tell, and it is not known whether it may be told. */
  asks = false;
  readonly #session: Session;
  readonly #rooms: Rooms;
  readonly #unhear: () => void;

  constructor(session: Session, rooms: Rooms) {
    super();
    this.#session = session;
    this.#rooms = rooms;
    this.#unhear = session.client.onNotice((notice) => {
      if (notice.type === "mention") this.#mention(notice);
      if (notice.type === "thread") this.#answer(notice);
    });
  }

  close(): void {
    this.#unhear();
  }

  /** What the room that is open has heard. */
  heard(event: RoomEvent): void {
    if (isMessage(event) && event.thread === undefined && event.user !== this.#session.user) this.#message(event);
  }

  /** The person has said whether they want to be told; the browser asks them itself, then. */
  async answer(wanted: boolean, withSound = false): Promise<void> {
    this.asks = false;
    this.changed();
    if (wanted && withSound) settings.setSound(true);
    settings.setDeclined(!wanted);
    if (wanted) await Notification.requestPermission();
  }

  #mention({ room, seq, user, username }: Extract<Notice, { type: "mention" }>): void {
    if (user !== this.#session.user) this.#tellOf(room, seq, (about) => t("mentionedYou", { who: username, room: about }));
  }

  /** Somebody has written in a thread that this person began or wrote in. */
  #answer({ room, seq }: Extract<Notice, { type: "thread" }>): void {
    this.#tellOf(room, seq, (about) => t("answeredInThread", { room: about }));
  }

  /** Tells what concerns this person, unless they want to hear nothing of the room. */
  #tellOf(room: number, seq: number, title: (about: string) => string): void {
    if (document.visibilityState === "visible" || this.#rooms.notify(room) === "none") return;
    const about = this.#rooms.get(room);
    this.#tell(room, seq, title(about ? roomName(about) : t("room")), "");
  }

  #message({ room, seq, username, content }: ChatMessage): void {
    const about = this.#rooms.get(room);
    if (document.visibilityState === "visible" || !about || this.#rooms.notify(room) !== "all") return;
    const title = about.kind === "direct" ? username : t("inRoom", { who: username, room: roomName(about) });
    this.#tell(room, seq, title, [...plainText(content, {}, null)].slice(0, SHOWN).join(""));
  }

  #tell(room: number, seq: number, title: string, body: string): void {
    if (settings.sound) ring();
    if (typeof Notification === "undefined" || settings.declined) return;
    if (Notification.permission === "granted") {
      void show({ title, body, tag: `chat ${room}`, hash: `#/rooms/${room}/${seq}` });
    } else if (Notification.permission === "default") {
      this.asks = true;
      this.changed();
    }
  }
}
