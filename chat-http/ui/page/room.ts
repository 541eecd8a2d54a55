/** The room that is open: its history, its people, who is typing. */
import { isMemberChanged, isMessage, isRoomUpdated, type Attachment, type Identity, type MemberChanged, type MessageState, type Position, type ReadMark, type RoomEvent, type RoomUpdated } from "../client/src/index.ts";
import { codeOf, type History, type Message, type Room } from "./api.ts";
import { Conversation, PAGE, type Place, type Where } from "./conversation.ts";
import { Originals } from "./messages/originals.ts";
import { MOST_PEOPLE, NO_READERS, Receipts, type Readers } from "./messages/receipts.ts";
import { firstSince } from "./messages/since.ts";
import { OpenThread } from "./messages/thread.ts";
import { naturally } from "./format.ts";
import { noticingLate } from "./late.ts";
import { memberNotice, roomNotice } from "./notices.ts";
import type { Session } from "./session.ts";
import { Timeline } from "./timeline.ts";

const AGAIN_MS = 3_000;
/** So many events are heard once more for what is no message among them. */
const MOST_AGAIN = 500;
/** Refusals that no other try changes. */
const FINAL = new Set(["room_not_found", "banned", "invalid_field"]);
/** There is no answer; what was kept has to do. */
const AWAY = new Set(["offline", "unavailable"]);
/** What comes faster is a flood. */
const CALM_MS = 150;

export class OpenRoom extends Conversation {
  timeline: Timeline;
  status: "loading" | "ready" | "gone" | "failed" = "loading";
  /** Why it is gone, or failed. */
  code = "";
  info: Room | null = null;
  people: { count: number; identities: Identity[] } | null = null;
  typing: Identity[] = [];
  /** How many type besides those who are named. */
  typingUnnamed = 0;
  /** Told of every change of the place. */
  onPlace: (place: Place | null) => void = () => {};
  /** The thread that is open beside the room. */
  threadBeside: OpenThread | null = null;
  /** Up to here the page had everything when the room was attached. */
  #known = 0;
  /** The room before the next of its changes, as far as it is known. */
  #former: Pick<RoomUpdated, "name" | "topic" | "kind"> | null = null;
  /** When the last message came. */
  #lastAt = 0;
  /** How much is unread by the server's count, and since. */
  #unread = 0;
  #attachment: Attachment | null = null;
  /** Whether the server has said what is unread. */
  #entered = false;
  #reading = false;
  #stale = false;
  /** Whether changes of messages that are shown may have been missed. */
  #hasMissed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #originals: Originals;
  readonly #receipts: Receipts;
  readonly #unwatch: (() => void)[];
  readonly #heard = new Set<(event: RoomEvent) => void>();

  constructor(session: Session, id: number, place: Place | null = null) {
    super(session, id);
    this.timeline = new Timeline(id, session.user);
    this.#originals = new Originals(session.api, id);
    this.#receipts = new Receipts(session.user);
    this.place = place;
    let wasOnline = session.connection.online;
    this.#unwatch = [
      session.connection.watch(() => {
        const { online } = session.connection;
        if (online === wasOnline) return;
        wasOnline = online;
        if (online && this.#stale) void this.#read();
        if (!online) this.#setTyping([], 0);
      }),
      session.readMarks.onAnswer((room, { unread }) => {
        if (room === id) this.#unread = unread;
      }),
    ];
    if (!session.connection.online) this.#takeKept();
    if (Number.isSafeInteger(id) && id > 0) void this.#read();
    else this.#end("room_not_found");
  }

  /** Shows the room as it was left, until the server can be reached. */
  #takeKept(): void {
    const kept = this.session.kept.of(this.id);
    if (!kept || this.closed || this.status === "ready") return;
    this.timeline = kept.timeline;
    this.info = kept.info;
    this.status = "ready";
    this.changed();
  }

  #takeKeptWhenKnown(): void {
    void this.session.kept.ready.then(() => this.#takeKept());
  }

  /** Calls back for every event that comes in while the room is open. */
  onEvent(listener: (event: RoomEvent) => void): () => void {
    this.#heard.add(listener);
    return () => this.#heard.delete(listener);
  }

  close(): void {
    if (this.status === "ready" && this.info) this.session.kept.keep({ info: this.info, timeline: this.timeline });
    this.closed = true;
    this.threadBeside?.close();
    clearTimeout(this.#timer);
    for (const unwatch of this.#unwatch) unwatch();
    this.#attachment?.detach();
    this.#attachment = null;
  }

  protected get others(): readonly Identity[] {
    return this.people?.identities ?? [];
  }

  /** How many messages of others came since the last that was seen. */
  get unseen(): number {
    return this.timeline.hasAfter ? Math.max(this.#unread, this.#unseenHere()) : this.#unseenHere();
  }

  #unseenHere(): number {
    return this.countAfter(this.session.readMarks.of(this.id) ?? this.newest);
  }

  protected get hasPage(): boolean {
    return this.status === "ready";
  }

  protected page(where: Where): Promise<History> {
    return this.session.api.messages(this.id, { ...where, limit: PAGE });
  }

  tryAgain(): void {
    this.status = "loading";
    this.changed();
    void this.#read();
  }

  /** Goes to the first message of this time or later, if there is one. */
  async goToTime(at: number): Promise<boolean> {
    const head = Math.max(this.info?.head ?? 0, this.timeline.end);
    const seq = await firstSince(at, head, (from) => this.#firstFrom(from));
    if (seq !== null) await this.goTo(seq);
    return seq !== null;
  }

  async #firstFrom(seq: number): Promise<{ seq: number; at: number } | null> {
    const { messages } = await this.session.api.messages(this.id, { around: seq, limit: 1 });
    const [first] = messages;
    return first && first.seq >= seq ? { seq: first.seq, at: Date.parse(first.timestamp) } : null;
  }

  /** Loads the messages around one that is not loaded. */
  protected async seek(seq: number): Promise<void> {
    // The page that is being read is the one with the message.
    if (!this.hasPage || !this.#entered) return;
    const { api } = this.session;
    const [page, message] = await Promise.all([api.messages(this.id, { around: seq, limit: PAGE }), api.message(this.id, seq)]).catch(() => []);
    if (this.closed || this.target?.seq !== seq) return;
    if (message?.thread !== undefined) return this.#goToThread(message.thread, seq);
    this.land(page ?? null);
  }

  #goToThread(root: number, seq: number): Promise<void> {
    this.target = null;
    this.openThread(root);
    return this.threadBeside?.goTo(seq) ?? Promise.resolve();
  }

  /** Opens the thread of a message beside the room, in the place of the one that was open. */
  openThread(root: number): void {
    if (this.threadBeside?.thread === root) return;
    this.threadBeside?.close();
    this.threadBeside = new OpenThread(this, root, this.#heardTo);
    this.changed();
  }

  override get readers(): Readers {
    const isTold = this.people !== null && this.people.count <= MOST_PEOPLE;
    return isTold ? this.#receipts.over(this.timeline) : NO_READERS;
  }

  override readersOf(seq: number): readonly Identity[] {
    return this.#receipts.of(seq);
  }

  /** A message in a thread has been seen. Whoever has read all of the room has read that, too. */
  readAnswer(seq: number): void {
    if (!this.timeline.hasAfter && (this.session.readMarks.of(this.id) ?? 0) >= this.newest) this.read(seq);
  }

  closeThread(): void {
    if (this.threadBeside === null) return;
    this.threadBeside.close();
    this.threadBeside = null;
    this.changed();
  }

  /** The events after this one are told. */
  get #heardTo(): number {
    return Math.max(this.#known, this.#attachment?.position?.seq ?? 0);
  }

  /** The message that another one answers: null if it is not there any more, undefined as long as that is not known. */
  original(seq: number): MessageState | null | undefined {
    return this.timeline.get(seq)?.message ?? this.#originals.get(seq, () => this.changed());
  }

  override keepPlace(place: Place | null): void {
    if (place === null && this.place === null) return;
    super.keepPlace(place);
    this.onPlace(place);
  }

  /** Everything up to this row has been seen. */
  read(seq: number): void {
    this.session.readMarks.raise(this.id, seq);
  }

  async #read(): Promise<void> {
    if (this.#reading || this.closed) return;
    this.#reading = true;
    this.#stale = false;
    clearTimeout(this.#timer);
    try {
      const { api, user } = this.session;
      const asked = Promise.all([api.room(this.id), api.reads(this.id), api.messages(this.id, { limit: PAGE })]);
      const [info, marks, newest] = await noticingLate(asked, () => this.#takeKeptWhenKnown());
      this.#receipts.know(marks);
      const mark = marks.find((each) => each.user === user)?.seq ?? null;
      const page = await this.#pageAt(mark, newest);
      if (!this.closed && !this.timeline.fits(page)) this.#stale = true;
      else if (!this.closed) this.#take(info, mark, page);
    } catch (error) {
      if (!this.closed) this.#refused(codeOf(error));
    }
    this.#reading = false;
    if (this.#stale && this.session.connection.online) void this.#read();
  }

  /** The page with what is to be looked at: where one was, else the first unread message, else the newest ones. */
  async #pageAt(mark: number | null, newest: History): Promise<History> {
    const { api, user } = this.session;
    const first = newest.has_before ? (newest.messages[0]?.seq ?? 0) : 0;
    const seq = this.target?.seq ?? this.place?.seq ?? (this.#entered ? null : mark);
    const isNew = (message: Message): boolean => mark !== null && message.seq > mark && message.user !== user && !("deleted" in message);
    this.#unread = newest.messages.filter(isNew).length;
    if (mark !== null && mark < first) this.#unread = (await api.unread(this.id, mark)).unread;
    return seq !== null && seq < first ? api.messages(this.id, { around: seq, limit: PAGE }) : newest;
  }

  #take(info: Room, mark: number | null, page: History): void {
    this.info = info;
    const { readMarks } = this.session;
    if (mark !== null) readMarks.know(this.id, mark);
    if (!this.#entered) {
      this.#markUnread(mark);
      // What was kept is another list: this one begins where reading goes on.
      this.timeline = new Timeline(this.id, this.session.user);
    }
    // Whoever comes for the first time begins here.
    if (mark === null) readMarks.raise(this.id, page.head);
    if (!this.#entered) this.timeline.begin(page.head);
    // What was kept may have been edited since, and what is there while nothing was told.
    if (page.has_after || !this.#entered || this.#hasMissed) this.timeline.reset(page);
    else this.timeline.replace(page);
    this.#entered = true;
    this.#hasMissed = false;
    for (const message of page.messages) if (message.key && message.user === this.session.user) this.session.outbox.confirm(message.key);
    this.session.outbox.shown(this.id, page.head);
    this.status = "ready";
    this.changed();
    if (this.target && !this.timeline.get(this.target.seq)) void this.seek(this.target.seq);
    this.placeAnswers();
    this.threadBeside?.readAgain();
    this.#attach({ epoch: page.epoch, seq: this.#before(page) });
  }

  /**
   * Where to hear the room from: from the first message that is shown on, for the lines that stand between the messages.
   * What is known by then is not told again to anybody else.
   */
  #before({ head, messages, has_after }: History): number {
    this.#known = head;
    const first = messages[0]?.seq ?? 1;
    return has_after || head - first > MOST_AGAIN ? head : first - 1;
  }

  #markUnread(mark: number | null): void {
    this.newCount = this.#unread;
    this.readTo = this.#unread > 0 ? mark : null;
  }

  /** A message came while nobody looks: the first of them is where the line stands. */
  #missed(seq: number): void {
    if (document.visibilityState === "visible") return;
    if (this.unseen === 0) [this.readTo, this.newCount] = [seq - 1, 0];
    if (this.readTo !== null) this.newCount += 1;
  }

  #refused(code: string): void {
    if (FINAL.has(code)) {
      this.#end(code);
      return;
    }
    // Without a connection, the next one asks.
    this.#stale = !this.session.connection.online;
    if (!this.#stale) this.#timer = setTimeout(() => void this.#read(), AGAIN_MS);
    if (AWAY.has(code)) this.#takeKeptWhenKnown();
    if (this.status === "ready") return;
    this.code = code;
    this.status = "failed";
    this.changed();
  }

  #attach(after: Position): void {
    if (this.#attachment) return;
    this.#attachment = this.session.client.attach(
      this.id,
      {
        event: (event) => this.#event(event),
        resync: ({ seq }) => this.#resync(seq),
        presence: ({ identities, count }) => this.#setPeople(identities, count),
        join: (identity) => this.#join(identity),
        leave: (identity) => this.#leave(identity),
        typing: (identities, count) => this.#setTyping(identities, count),
        reads: (marks) => this.#readOn(marks),
        ended: (error) => this.#end(error?.code ?? "room_deleted"),
      },
      { after, presence: true },
    );
  }

  /** More was missed than is told: the history is read anew. */
  #resync(head: number): void {
    this.timeline.begin(head);
    this.threadBeside?.missed(head);
    this.#originals.clear();
    this.#hasMissed = true;
    this.#stale = true;
    if (!this.#reading) void this.#read();
  }

  #event(event: RoomEvent): void {
    if (event.seq <= this.#known) return this.#again(event);
    this.threadBeside?.heard(event);
    // What is in a thread is no part of the room's history.
    if (isMessage(event) && event.thread === undefined) this.#message(event);
    else if (isRoomUpdated(event)) this.#updated(event);
    else if (isMemberChanged(event)) this.#member(event);
    else this.#other(event);
    for (const listener of [...this.#heard]) listener(event);
  }

  /** An event that the page of history has in its messages already: only its line is missing. */
  #again(event: RoomEvent): void {
    if (isRoomUpdated(event)) this.#changedRoom(event);
    else if (isMemberChanged(event)) this.#note(event, memberNotice(event));
    else return;
    this.changed();
  }

  #changedRoom(event: RoomUpdated): void {
    this.#note(event, roomNotice(event, this.#former));
    const { name, topic, kind } = event;
    this.#former = { name, topic, kind };
  }

  #other(event: RoomEvent): void {
    if (isMessage(event)) this.#answer(event);
    this.timeline.apply(event);
    this.#originals.apply(event);
    this.placeAnswers();
    this.changed();
  }

  #message(message: Message): void {
    const isOwn = message.user === this.session.user;
    if (!isOwn) {
      this.#missed(message.seq);
      this.#unread += 1;
      // Whoever writes has read what was there.
      this.#receipts.know([message]);
    }
    this.timeline.add(message, this.#isCalm());
    if (isOwn) {
      if (message.key) this.session.outbox.confirm(message.key);
      this.session.readMarks.know(this.id, message.seq);
    }
    this.session.outbox.shown(this.id, message.seq);
    this.typing = this.typing.filter((identity) => identity.user !== message.user);
    if (this.info) this.info = { ...this.info, head: message.seq, last_message_at: message.timestamp };
    this.changed();
  }

  /** A message in a thread, which may be open or not. */
  #answer(message: Message): void {
    this.#originals.learn(message);
    if (message.user === this.session.user && message.key) this.session.outbox.confirm(message.key);
    this.session.outbox.shown(this.id, message.seq);
    this.typing = this.typing.filter((identity) => identity.user !== message.user);
  }

  /** Whether messages come slowly enough to be shown with a movement. */
  #isCalm(): boolean {
    const now = Date.now();
    const isCalm = now - this.#lastAt > CALM_MS;
    this.#lastAt = now;
    return isCalm;
  }

  #updated(event: RoomUpdated): void {
    if (this.info) {
      const { name: before, topic: topicBefore, kind: kindBefore } = this.info;
      this.#former = { name: before, topic: topicBefore, kind: kindBefore };
      this.#changedRoom(event);
      const { name, topic, kind, invites, seq } = event;
      this.info = { ...this.info, name, topic, kind, invites, head: seq };
    }
    this.changed();
  }

  #member(event: MemberChanged): void {
    this.#note(event, memberNotice(event));
    this.changed();
  }

  /** Shows a line for an event, if there is one. */
  #note({ seq, timestamp }: { seq: number; timestamp: string }, text: string | null): void {
    if (text === null) this.timeline.pass(seq);
    else this.timeline.addNotice(seq, text, Date.parse(timestamp));
  }

  #setPeople(identities: Identity[], count: number): void {
    this.people = { count, identities: [...identities].sort((a, b) => naturally(a.username, b.username)) };
    this.changed();
  }

  #join(identity: Identity): void {
    if (!this.people || this.people.identities.some(({ user }) => user === identity.user)) return;
    this.#setPeople([...this.people.identities, identity], this.people.count + 1);
  }

  #leave(identity: Identity): void {
    if (!this.people?.identities.some(({ user }) => user === identity.user)) return;
    const others = this.people.identities.filter(({ user }) => user !== identity.user);
    this.typing = this.typing.filter(({ user }) => user !== identity.user);
    this.#setPeople(others, this.people.count - 1);
  }

  #setTyping(identities: Identity[], count: number): void {
    const others = identities.filter(({ user }) => user !== this.session.user);
    const unnamed = count - identities.length;
    if (others.length === 0 && this.typing.length === 0 && unnamed === this.typingUnnamed) return;
    this.typing = others;
    this.typingUnnamed = unnamed;
    this.changed();
  }

  #readOn(marks: ReadMark[]): void {
    this.#receipts.know(marks);
    this.changed();
  }

  #end(code: string): void {
    this.status = "gone";
    this.session.kept.forget(this.id);
    this.code = code;
    this.close();
    this.changed();
  }
}
