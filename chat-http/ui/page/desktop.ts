/**
 * Notifications outside of the page, with a tone for whoever wants one, while it is not seen: of what comes into one's own rooms and
 * the one that was left open, of mentions, and of answers in threads. Each room has its own setting, which the server keeps. Browsers
 * ask a person once: so it is not asked for before there is something to tell, or they turn it on in the settings.
 */
import { isMessage, type Activity, type ChatMessage, type Notice, type RoomEvent } from "../client/src/index.ts";
import { t } from "./language.ts";
import { plainText } from "./markup/plain.ts";
import { Model } from "./model.ts";
import { show } from "./notes.ts";
import type { Rooms } from "./rooms.ts";
import type { Session } from "./session.ts";
import { settings } from "./settings/settings.ts";
import { ring } from "./settings/sound.ts";
import { Telling, type News } from "./telling.ts";
import { roomName } from "./title.tsx";

/** So much of a message is shown. */
const SHOWN = 120;

export class Desktop extends Model {
  /** Whether there was something to tell, and it is not known whether it may be told. */
  asks = false;
  readonly #session: Session;
  readonly #rooms: Rooms;
  readonly #telling: Telling;
  readonly #unhear: (() => void)[];

  constructor(session: Session, rooms: Rooms) {
    super();
    this.#session = session;
    this.#rooms = rooms;
    this.#telling = new Telling(session.user);
    this.#unhear = [
      session.client.onNotice((notice) => {
        if (notice.type === "mention") this.#mention(notice);
        if (notice.type === "thread") this.#answer(notice);
      }),
      rooms.onActivity((activity) => this.#activity(activity)),
    ];
  }

  close(): void {
    for (const unhear of this.#unhear) unhear();
  }

  /** What the room that is open has heard. */
  heard(event: RoomEvent): void {
    if (isMessage(event) && event.thread === undefined) this.#message(event);
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
    if (this.#isToTell({ room, seq, user, isForMe: true })) this.#tell(room, seq, t("mentionedYou", { who: username, room: this.#nameOf(room) }), "");
  }

  /** Somebody has written in a thread that this person began or wrote in. */
  #answer({ room, seq }: Extract<Notice, { type: "thread" }>): void {
    if (this.#isToTell({ room, seq, isForMe: true })) this.#tell(room, seq, t("answeredInThread", { room: this.#nameOf(room) }), "");
  }

  #message({ room, seq, user, username, content, mentions, mentions_room }: ChatMessage): void {
    const isToMe = mentions?.includes(this.#session.user) === true;
    if (this.#isToTell({ room, seq, user, isForMe: isToMe || mentions_room === true })) this.#quote(room, seq, username, content, isToMe);
  }

  /** Something new in a room that is not open: of the newest message it is known what it says. */
  #activity({ room, last, mentions_room }: Activity): void {
    if (!last || last.content === "" || !this.#rooms.isOwn(room)) return;
    const { seq, user, username, content } = last;
    if (this.#isToTell({ room, seq, user, isForMe: mentions_room === true })) this.#quote(room, seq, username ?? "", content);
  }

  #isToTell(news: News): boolean {
    return this.#telling.tells(news, this.#rooms.notify(news.room), document.visibilityState === "visible");
  }

  #nameOf(room: number): string {
    const about = this.#rooms.get(room);
    return about ? roomName(about) : t("room");
  }

  #quote(room: number, seq: number, who: string, content: string, isToMe = false): void {
    const isForTwo = this.#rooms.get(room)?.kind === "direct";
    const title = isForTwo ? who : t(isToMe ? "mentionedYou" : "inRoom", { who, room: this.#nameOf(room) });
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
