/** The thread that is open beside its room: the message that it is about, and those in it. */
import { isMessage, type Identity, type MessageState, type RoomEvent } from "../../client/src/index.ts";
import { codeOf, type Room } from "../api.ts";
import { Conversation, PAGE, type Where } from "../conversation.ts";
import type { Session } from "../session.ts";
import { Timeline, type ShownPage } from "../timeline.ts";

const AGAIN_MS = 3_000;
/** Refusals that no other try changes. */
const FINAL = new Set(["message_not_found", "room_not_found", "banned"]);

/** What a thread has of its room. */
export interface RoomOfThread {
  readonly session: Session;
  readonly id: number;
  readonly info: Room | null;
  readonly timeline: Pick<Timeline, "epoch">;
  original(seq: number): MessageState | null | undefined;
  readAnswer(seq: number): void;
  known(): Identity[];
}

export class OpenThread extends Conversation {
  readonly timeline: Timeline;
  status: "loading" | "ready" | "failed" = "loading";
  /** Why it could not be read. */
  code = "";
  /** The last message that was seen. */
  #seen = 0;
  #reading = false;
  #stale = false;
  /** Whether changes of messages that are shown may have been missed. */
  #hasMissed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #room: RoomOfThread;
  readonly #root: number;

  /** The room tells of the events after `heardTo`. */
  constructor(room: RoomOfThread, root: number, heardTo: number) {
    super(room.session, room.id, root);
    this.#room = room;
    this.#root = root;
    this.timeline = new Timeline(room.id, room.session.user);
    this.timeline.epoch = room.timeline.epoch;
    this.timeline.begin(heardTo);
    void this.#read();
  }

  get info(): Room | null {
    return this.#room.info;
  }

  protected get others(): readonly Identity[] {
    return this.#room.known();
  }

  get unseen(): number {
    return this.countAfter(this.#seen);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.#timer);
  }

  /** The room has heard this event. */
  heard(event: RoomEvent): void {
    if (isMessage(event) && event.thread === this.#root) this.timeline.add(event, true);
    this.timeline.apply(event);
    this.placeAnswers();
    this.changed();
  }

  /** More was missed than the room is told: the thread is read anew when the room has been. */
  missed(head: number): void {
    this.timeline.begin(head);
    this.#hasMissed = this.#stale = true;
  }

  /** The room has been read: what could not be read here, or was missed, is read now. */
  readAgain(): void {
    if (!this.#stale && this.status !== "failed") return;
    this.timeline.epoch = this.#room.timeline.epoch;
    void this.#read();
  }

  tryAgain(): void {
    this.status = "loading";
    this.changed();
    void this.#read();
  }

  original(seq: number): MessageState | null | undefined {
    return this.timeline.get(seq)?.message ?? this.#room.original(seq);
  }

  read(seq: number): void {
    if (seq <= this.#seen) return;
    this.#seen = seq;
    this.#room.readAnswer(seq);
  }

  protected get hasPage(): boolean {
    return this.status === "ready";
  }

  /** A page of the thread. In front of its first message stands the root. */
  protected async page(where: Where): Promise<ShownPage> {
    const { api } = this.session;
    const page = await api.thread(this.id, this.#root, { ...where, limit: PAGE });
    // It is read after the page: what the page shows, it shows, too.
    return page.has_before ? page : { ...page, messages: [await api.message(this.id, this.#root), ...page.messages] };
  }

  protected async seek(seq: number): Promise<void> {
    if (!this.hasPage) return;
    const page = await this.page({ before: seq + 1 }).catch(() => null);
    if (this.closed || this.target?.seq !== seq) return;
    this.land(page?.messages.at(-1)?.seq === seq ? page : null);
  }

  async #read(): Promise<void> {
    if (this.#reading || this.closed) return;
    this.#reading = true;
    this.#stale = false;
    clearTimeout(this.#timer);
    try {
      const page = await this.page(this.target ? { before: this.target.seq + 1 } : {});
      if (!this.closed && !this.timeline.fits(page)) this.#stale = true;
      else if (!this.closed) this.#take(page);
    } catch (error) {
      if (!this.closed) this.#refused(codeOf(error));
    }
    this.#reading = false;
    if (this.#stale && this.session.connection.online) this.#timer = setTimeout(() => void this.#read(), AGAIN_MS);
  }

  #take(page: ShownPage): void {
    if (page.has_after || this.status !== "ready" || this.#hasMissed) this.timeline.reset(page);
    else this.timeline.replace(page);
    this.#hasMissed = false;
    this.#seen = Math.max(this.#seen, this.newest);
    this.status = "ready";
    this.changed();
    this.placeAnswers();
    if (this.target && !this.timeline.get(this.target.seq)) void this.seek(this.target.seq);
  }

  #refused(code: string): void {
    this.#stale = !FINAL.has(code);
    if (this.status === "ready") return;
    this.code = code;
    this.status = "failed";
    this.changed();
  }
}
