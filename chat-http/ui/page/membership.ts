/** Who belongs to the room that is open: what one is there oneself, and its members, page by page. */
import { isMemberChanged, type Identity, type MemberChanged, type RoomEvent } from "../client/src/index.ts";
import { codeOf, type Member } from "./api.ts";
import { Model } from "./model.ts";
import type { Role } from "./room-rights.ts";
import type { OpenRoom } from "./room.ts";

const PAGE = 50;
/** So many pages of those who have nearly one's name are looked through for oneself. */
const OWN_PAGES = 5;
const SEARCH_MS = 180;
/** Many may come at once: the list is read anew at most this often. */
const AGAIN_MS = 500;

export class Membership extends Model {
  /** One's own role; null for those who are no members. */
  role: Role | null = null;
  /** Whether the server has said what one is. */
  known = false;
  members: Member[] = [];
  /** How many members the room has. */
  count = 0;
  query = "";
  next: string | null = null;
  loading = false;
  /** Why the list could not be read. */
  code = "";
  #asked = 0;
  /** Whether somebody looks at the list. */
  #shown = false;
  #closed = false;
  #asking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #unwatch: (() => void)[];

  constructor(readonly room: OpenRoom) {
    super();
    this.#unwatch = [room.watch(() => void this.#own()), room.onEvent((event) => this.#event(event))];
    void this.#own();
  }

  close(): void {
    this.#closed = true;
    this.#asked += 1;
    clearTimeout(this.#timer);
    for (const unwatch of this.#unwatch) unwatch();
  }

  /** The list is looked at from now on, until the returned function is called. */
  show(): () => void {
    this.#shown = true;
    void this.load();
    return () => (this.#shown = false);
  }

  search(query: string): void {
    this.query = query;
    this.changed();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), SEARCH_MS);
  }

  /** Reads the first page, which replaces the list. */
  async load(): Promise<void> {
    await this.#read("");
  }

  async more(): Promise<void> {
    if (this.next !== null && !this.loading) await this.#read(this.next);
  }

  /** What somebody is in the room; null if they are no member. Whose name the server does not know yet, it calls by their id. */
  async find({ user, username }: Identity): Promise<Member | null> {
    return (await this.#findBy(username, user)) ?? (username === user ? null : this.#findBy(user, user));
  }

  async #findBy(q: string, user: string): Promise<Member | null> {
    let after: string | null = "";
    for (let page = 0; page < OWN_PAGES && after !== null; page += 1) {
      const list = await this.room.session.api.members(this.room.id, { q, limit: PAGE, after });
      const found = list.members.find((member) => member.user === user);
      if (found) return found;
      after = list.next;
    }
    return null;
  }

  async join(): Promise<void> {
    await this.room.session.api.join(this.room.id);
    this.#become("member");
  }

  async leave(): Promise<void> {
    await this.room.session.api.leave(this.room.id);
    this.#become(null, this.#isPrivate);
  }

  /** `isOut`: whether the room is not theirs to see any more. */
  #become(role: Role | null, isOut = false): void {
    this.role = role;
    this.known = true;
    if (isOut) this.close();
    else if (this.#shown) void this.load();
    this.changed();
  }

  get #isPrivate(): boolean {
    return this.room.info?.kind === "private";
  }

  /** Asks once, when the room is there, what one is in it. */
  async #own(): Promise<void> {
    const { info, session } = this.room;
    if (this.known || this.#asking || info === null) return;
    this.count = info.members;
    if (info.members === 0) return this.#become(null);
    this.#asking = true;
    try {
      const own = await this.find({ user: session.user, username: session.name });
      if (!this.#closed) this.#become(own?.role ?? null);
    } catch {
      // The next change of the room asks again.
    }
    this.#asking = false;
  }

  async #read(after: string): Promise<void> {
    if (this.#closed) return;
    const asked = ++this.#asked;
    this.loading = true;
    const q = this.query.trim();
    try {
      const { api } = this.room.session;
      const [list, info] = await Promise.all([api.members(this.room.id, { limit: PAGE, after, ...(q && { q }) }), api.room(this.room.id)]);
      if (asked !== this.#asked) return;
      this.members = after === "" ? list.members : [...this.members, ...list.members];
      this.next = list.next;
      this.count = info.members;
      this.code = "";
    } catch (error) {
      if (asked !== this.#asked) return;
      this.code = codeOf(error);
    }
    this.loading = false;
    this.changed();
  }

  #event(event: RoomEvent): void {
    if (!isMemberChanged(event)) return;
    if (event.member.user === this.room.session.user) this.#ownChange(event);
    if (!this.#shown || this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), AGAIN_MS);
  }

  #ownChange({ change, member }: MemberChanged): void {
    if (change === "left" || change === "removed" || change === "banned") this.#become(null, change === "banned" || this.#isPrivate);
    else if (member.role !== undefined) this.#become(member.role);
  }
}
