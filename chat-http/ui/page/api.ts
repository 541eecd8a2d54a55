/** The REST API, typed by the document that describes it (`schema.d.ts`, generated). */
import { learnTime } from "./clock.ts";
import type { EditState, ReactionEntry, RoomEvent } from "../client/src/index.ts";
import type { components, operations } from "./schema.d.ts";

export type Room = components["schemas"]["Room"];
export type MyRoom = components["schemas"]["MyRoom"];
export type MyRoomList = components["schemas"]["MyRoomList"];
type MarkList = components["schemas"]["ReadMarks"];
export type Message = components["schemas"]["Message"];
export type History = components["schemas"]["History"];
export type RoomList = components["schemas"]["RoomList"];
export type Presence = components["schemas"]["Presence"];
export type Problem = components["schemas"]["Problem"];
export type RoomChange = components["schemas"]["RoomChange"];
export type NewRoom = components["schemas"]["RoomDraft"];
export type Member = components["schemas"]["Member"];
export type MemberList = components["schemas"]["MemberList"];
export type Restriction = components["schemas"]["Restriction"];
export type Invite = components["schemas"]["Invite"];
export type FoundMessages = components["schemas"]["FoundMessages"];
export type RoomKind = components["schemas"]["RoomKind"];
export type InvitedBy = components["schemas"]["InvitedBy"];
export type Notify = components["schemas"]["Notify"];
export type Me = Pick<components["schemas"]["Me"], "user" | "username">;
/** What may be done to somebody for a while. */
export type RestrictionKind = "bans" | "mutes";

/** A part of a list; `next` is where it goes on, null at its end. */
export interface Page<Item> {
  items: Item[];
  next: string | null;
}

type Directions = NonNullable<operations["list_messages"]["parameters"]["query"]>;

/** Says who asks: a guest by name, whoever a token stands for, or whoever has logged in with this browser. */
export interface Credentials {
  username?: string;
  token?: string;
  login?: boolean;
}

/** A refusal, or a server that did not answer (`offline`) or does not let this page in (`foreign_page`). */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly field?: string,
    readonly room?: Room,
  ) {
    super(code);
  }
}

const TIMEOUT_MS = 15_000;

export class Api {
  /** Where the site is mounted; it ends with a slash. */
  readonly base: URL;
  readonly #credentials: () => Credentials | Promise<Credentials>;

  constructor(base: URL, credentials: () => Credentials | Promise<Credentials>) {
    this.base = base;
    this.#credentials = credentials;
  }

  rooms(query: { after?: string; q?: string; limit?: number } = {}): Promise<RoomList> {
    return this.#ask("GET", "rooms", { query });
  }

  /** One's own rooms, the busiest first, with what is unread in them. */
  myRooms(query: { after?: string; limit?: number } = {}): Promise<MyRoomList> {
    return this.#ask("GET", "me/rooms", { query });
  }

  /** How far a room was read: one's own mark, if there is one, and those of others, 100 in all. */
  async reads(room: number): Promise<MarkList["marks"]> {
    return (await this.#ask<MarkList>("GET", `rooms/${room}/reads`, { query: { limit: 100 } })).marks;
  }

  /** How much a user has not read who has read so far. */
  unread(room: number, seq: number): Promise<{ unread: number }> {
    return this.#ask("PUT", `rooms/${room}/read`, { body: { seq } });
  }

  room(room: number): Promise<Room> {
    return this.#ask("GET", `rooms/${room}`);
  }

  createRoom(body: NewRoom): Promise<Room> {
    return this.#ask("POST", "rooms", { body });
  }

  updateRoom(room: number, body: RoomChange): Promise<Room> {
    return this.#ask("PATCH", `rooms/${room}`, { body });
  }

  deleteRoom(room: number): Promise<void> {
    return this.#ask("DELETE", `rooms/${room}`);
  }

  messages(room: number, query: Directions): Promise<History> {
    return this.#ask("GET", `rooms/${room}/messages`, { query });
  }

  /** The messages in the thread of this one. */
  thread(room: number, root: number, query: Directions): Promise<History> {
    return this.#ask("GET", `rooms/${room}/messages/${root}/thread`, { query });
  }

  /** A message as it is now, after the events up to `head`. */
  message(room: number, seq: number): Promise<Message & { head: number }> {
    return this.#ask("GET", `rooms/${room}/messages/${seq}`);
  }

  async edits(room: number, seq: number): Promise<EditState[]> {
    return (await this.#ask<{ edits: EditState[] }>("GET", `rooms/${room}/messages/${seq}/edits`)).edits;
  }

  async reactions(room: number, seq: number, after: string): Promise<Page<ReactionEntry>> {
    const { reactions, next } = await this.#ask<{ reactions: ReactionEntry[]; next: string | null }>("GET", `rooms/${room}/messages/${seq}/reactions`, { query: { after } });
    return { items: reactions, next };
  }

  /** The messages that are pinned, the newest pin first. */
  async pins(room: number): Promise<Message[]> {
    return (await this.#ask<{ messages: Message[] }>("GET", `rooms/${room}/pins`)).messages;
  }

  presence(room: number): Promise<Presence> {
    return this.#ask("GET", `rooms/${room}/presence`);
  }

  /** The room of these two; it is made by whoever asks first. */
  direct(user: string, username: string): Promise<Room> {
    return this.#ask("POST", "direct", { body: { user, username } });
  }

  join(room: number): Promise<Room> {
    return this.#ask("POST", `rooms/${room}/join`);
  }

  leave(room: number): Promise<void> {
    return this.#ask("POST", `rooms/${room}/leave`);
  }

  members(room: number, query: { q?: string; after?: string; limit?: number }): Promise<MemberList> {
    return this.#ask("GET", `rooms/${room}/members`, { query });
  }

  /** Brings somebody in, or gives them a role. */
  setMember(room: number, user: string, body: { username?: string; role?: Member["role"] }): Promise<Member> {
    return this.#ask("PUT", `rooms/${room}/members/${encodeURIComponent(user)}`, { body });
  }

  removeMember(room: number, user: string, reason: string): Promise<void> {
    return this.#ask("DELETE", `rooms/${room}/members/${encodeURIComponent(user)}`, { query: { reason } });
  }

  /** Bans or mutes somebody. */
  restrict(room: number, what: RestrictionKind, user: string, body: { until?: string; reason?: string }): Promise<unknown> {
    return this.#ask("PUT", `rooms/${room}/${what}/${encodeURIComponent(user)}`, { body });
  }

  lift(room: number, what: RestrictionKind, user: string): Promise<unknown> {
    return this.#ask("DELETE", `rooms/${room}/${what}/${encodeURIComponent(user)}`);
  }

  async restrictions(room: number, what: RestrictionKind, after: string): Promise<Page<Restriction>> {
    const page = await this.#ask<Partial<Record<RestrictionKind, Restriction[]>> & { next: string | null }>("GET", `rooms/${room}/${what}`, { query: { after } });
    return { items: page[what] ?? [], next: page.next };
  }

  async audit(room: number, after: string): Promise<Page<RoomEvent>> {
    const { events, next } = await this.#ask<{ events: RoomEvent[]; next: string | null }>("GET", `rooms/${room}/audit`, { query: { after } });
    return { items: events, next };
  }

  async invites(room: number, after: string): Promise<Page<Invite>> {
    const { invites, next } = await this.#ask<{ invites: Invite[]; next: string | null }>("GET", `rooms/${room}/invites`, { query: { after } });
    return { items: invites, next };
  }

  invite(room: number, body: { expires_in_s: number; max_uses?: number }): Promise<Invite> {
    return this.#ask("POST", `rooms/${room}/invites`, { body });
  }

  revoke(room: number, code: string): Promise<void> {
    return this.#ask("DELETE", `rooms/${room}/invites/${encodeURIComponent(code)}`);
  }

  accept(code: string): Promise<Room> {
    return this.#ask("POST", `invites/${encodeURIComponent(code)}`);
  }

  search(query: { q: string; room?: number; after?: string }): Promise<FoundMessages> {
    return this.#ask("GET", "search", { query });
  }

  notify(room: number, notify: Notify): Promise<unknown> {
    return this.#ask("PUT", `rooms/${room}/notify`, { body: { notify } });
  }

  me(): Promise<Me> {
    return this.#ask("GET", "me");
  }

  rename(username: string): Promise<Me> {
    return this.#ask("PATCH", "me", { body: { username } });
  }

  /** The browser keeps what says so. */
  logIn(username: string, password: string): Promise<Me> {
    return this.#ask("POST", "account/login", { body: { username, password } });
  }

  /** With the setup token, it is the administrator's account. */
  register(username: string, password: string, setupToken?: string): Promise<Me> {
    return this.#ask("POST", "account/register", { body: { username, password, ...(setupToken ? { setup_token: setupToken } : {}) } });
  }

  /** Ends all other logins. */
  changePassword(password: string, wanted: string): Promise<void> {
    return this.#ask("POST", "account/password", { body: { password, new_password: wanted } });
  }

  logOut(): Promise<void> {
    return this.#ask("POST", "account/logout");
  }

  /**
   * Whether a server of another origin is there at all. If it is, a call failed since the browser may not show its answer to
   * this page: the page's origin is not on the server's list.
   */
  async #isThere(): Promise<boolean> {
    if (this.base.origin === location.origin) return false;
    const anything = { mode: "no-cors", cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(TIMEOUT_MS) } as const;
    return fetch(new URL("widget.js", this.base), anything).then(
      () => true,
      () => false,
    );
  }

  async #ask<Answer>(method: string, path: string, { query = {}, body }: { query?: object; body?: object } = {}): Promise<Answer> {
    const { username, token, login } = await this.#credentials();
    const url = new URL(`api/chat/${path}`, this.base);
    for (const [name, value] of Object.entries({ ...query, username })) {
      if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { Accept: "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (token) headers["Authorization"] = `Bearer ${token}`;
    let response: Response;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(url, { method, headers, signal, credentials: login ? "same-origin" : "omit", ...(body ? { body: JSON.stringify(body) } : {}) });
    } catch {
      throw new ApiError((await this.#isThere()) ? "foreign_page" : "offline");
    }
    learnTime(Date.parse(response.headers.get("Date") ?? ""));
    const answer: unknown = response.status === 204 ? undefined : await response.json().catch(() => null);
    if (response.ok && answer !== null) return answer as Answer;
    const problem = (answer ?? {}) as Partial<Problem>;
    throw new ApiError(problem.code ?? "unavailable", problem.field, problem.room);
  }
}

/** The code of whatever went wrong. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "internal";
}

/** Whatever went wrong, as a refusal. */
export function refusedBy(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(codeOf(error));
}
