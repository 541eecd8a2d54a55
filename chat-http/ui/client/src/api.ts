/** What is asked rather than heard: pages of history, lists, search; and who is in rooms. */

import type { Identity, MessageState, Position, Role, RoomEvent } from "./events.ts";
import { ChatError } from "./error.ts";
import { authorized, jsonOf, messagePath, refusalOf, request, type Call, type Fetch, type TokenSource } from "./http.ts";
import { socketUrl } from "./platform.ts";
import type { ReadMark, RoomInfo, Unread } from "./protocol.ts";

/** A stretch of a room's history or of a thread, oldest first, as it is at `head`. */
export interface Page {
  messages: MessageState[];
  head: number;
  epoch: string;
  has_before: boolean;
  has_after: boolean;
}

/** Which page: the newest one, or the one at a number. */
export interface PageOptions {
  limit?: number;
  before?: number;
  after?: number;
  around?: number;
}

/** Which part of a list: `after` is the `next` of the part before. */
export interface ListOptions {
  limit?: number;
  after?: string;
}

export interface EditState extends Identity {
  seq: number;
  content: string;
  timestamp: string;
}

export interface ReactionEntry extends Identity {
  reaction: string;
  timestamp: string;
}

/** A user in a room. */
export interface Member extends Identity {
  role: Role;
  joined_at: string;
  /** Whether they may only read, until `muted_until`; `null` there: without an end. */
  muted?: true;
  muted_until?: string | null;
}

/** A ban or a mute. `by` is null if the server did it, `until` if it has no end. */
export interface Restriction extends Identity {
  until: string | null;
  reason: string | null;
  by: string | null;
  by_username: string | null;
  timestamp: string;
}

/** An invite to a room. `max_uses` is null if as many as like may come, `by` if the server made it. */
export interface Invite {
  code: string;
  room: number;
  expires_at: string;
  max_uses: number | null;
  uses: number;
  by: string | null;
  by_username: string | null;
  timestamp: string;
}

export interface MemberChangeOptions {
  /** Why, for people. */
  reason?: string;
  /** The idempotency key. Without it, a change that is made twice changes nothing the second time, but may undo one between. */
  key?: string;
}

export interface RestrictionOptions extends MemberChangeOptions {
  /** When it is over, in RFC 3339; without it, it has no end. */
  until?: string;
}

export type Notify = "all" | "mentions" | "none";

/** A room as its member sees it. */
export interface MyRoom extends RoomInfo {
  /** The last message that was read. */
  read: number;
  unread: number;
  mentions: number;
  ordinal: number;
  last_message: MessageState | null;
  role: string | null;
  notify: Notify;
}

export interface ApiOptions {
  /** The address of `/ws/chat`, as the client has it; a function is asked before every request. */
  url: string | (() => string | Promise<string>);
  fetch?: Fetch;
  /** Gives a token for `Authorization: Bearer`. It is asked before every request. */
  token?: TokenSource;
}

type List<Name extends string, Item> = { [name in Name]: Item[] } & { next: string | null };

/**
 * The calls of the REST API that read, and those about who is in rooms. What changes messages goes through the client, which
 * repeats it until it is answered.
 *
 * Every call rejects with a `ChatError`: with the server's code, or `unavailable` if it did not answer.
 */
export class ChatApi {
  readonly #url: ApiOptions["url"];
  readonly #fetch: Fetch;

  constructor(options: ApiOptions) {
    this.#url = options.url;
    this.#fetch = authorized(options.fetch ?? globalThis.fetch.bind(globalThis), options.token);
  }

  /** A page of the room's history; its messages in threads are not part of it. */
  messages(room: number, query: PageOptions = {}): Promise<Page> {
    return this.#ask(`/rooms/${room}/messages`, { query });
  }

  /** A page of the thread that began with `root`, without that message. */
  thread(room: number, root: number, query: Omit<PageOptions, "around"> = {}): Promise<Page> {
    return this.#ask(`${messagePath(room, root)}/thread`, { query });
  }

  message(room: number, seq: number): Promise<MessageState & { head: number }> {
    return this.#ask(messagePath(room, seq));
  }

  /** The texts that a message had, the original first. */
  edits(room: number, seq: number): Promise<{ edits: EditState[] }> {
    return this.#ask(`${messagePath(room, seq)}/edits`);
  }

  /** Who reacted to a message, the oldest first. */
  reactions(room: number, seq: number, query: ListOptions = {}): Promise<List<"reactions", ReactionEntry>> {
    return this.#ask(`${messagePath(room, seq)}/reactions`, { query });
  }

  /** The pinned messages, the newest pin first. */
  pins(room: number): Promise<{ messages: MessageState[]; head: number }> {
    return this.#ask(`/rooms/${room}/pins`);
  }

  /** How far each user has read, oneself first. */
  reads(room: number, query: ListOptions = {}): Promise<List<"marks", ReadMark>> {
    return this.#ask(`/rooms/${room}/reads`, { query });
  }

  /** Raises one's mark, if the history is still the one that the position is of (else: `epoch_changed`). */
  read(room: number, { seq, epoch }: Position): Promise<Unread> {
    return this.#ask(`/rooms/${room}/read`, { method: "PUT", body: { seq, epoch } });
  }

  /** The rooms one is in or has read in, the busiest first, with what is unread in each. */
  myRooms(query: ListOptions = {}): Promise<List<"rooms", MyRoom>> {
    return this.#ask("/me/rooms", { query });
  }

  async notify(room: number, notify: Notify): Promise<void> {
    await this.#ask(`/rooms/${room}/notify`, { method: "PUT", body: { notify } });
  }

  /** The messages with all words of `q`, the newest first. `complete` is false if some could not be looked at. */
  search(
    q: string,
    query: ListOptions & { room?: number; user?: string } = {},
  ): Promise<List<"messages", MessageState> & { complete: boolean }> {
    return this.#ask("/search", { query: { q, ...query } });
  }

  /** Comes into a room; in a public one, it can be read and written in without that. */
  join(room: number, { key }: Pick<MemberChangeOptions, "key"> = {}): Promise<RoomInfo> {
    return this.#ask(`/rooms/${room}/join`, { method: "POST", ...keyed(key) });
  }

  /** Leaves a room. Its last owner cannot while others are in (`last_owner`). */
  async leave(room: number, { key }: Pick<MemberChangeOptions, "key"> = {}): Promise<void> {
    await this.#ask(`/rooms/${room}/leave`, { method: "POST", ...keyed(key) });
  }

  /** The members: owners, moderators, then the others. `q` is what a name begins with. */
  members(room: number, query: ListOptions & { role?: Role; q?: string } = {}): Promise<List<"members", Member>> {
    return this.#ask(`/rooms/${room}/members`, { query });
  }

  /** Brings a user in, or gives a member another role; without one, it stays. */
  setMember(
    room: number,
    user: string,
    { key, ...body }: { username?: string; role?: Role; key?: string } = {},
  ): Promise<Member> {
    return this.#ask(userPath(room, "members", user), { method: "PUT", body, ...keyed(key) });
  }

  /** Puts a user out. */
  async removeMember(room: number, user: string, { reason, key }: MemberChangeOptions = {}): Promise<void> {
    await this.#ask(userPath(room, "members", user), { method: "DELETE", query: { reason }, ...keyed(key) });
  }

  /** Puts a user out, and keeps them out. */
  ban(room: number, user: string, { key, ...body }: RestrictionOptions = {}): Promise<Restriction> {
    return this.#ask(userPath(room, "bans", user), { method: "PUT", body, ...keyed(key) });
  }

  /** Lifts a ban. The user is not in again by that. */
  async unban(room: number, user: string, { reason, key }: MemberChangeOptions = {}): Promise<void> {
    await this.#ask(userPath(room, "bans", user), { method: "DELETE", query: { reason }, ...keyed(key) });
  }

  /** The bans that are in force. */
  bans(room: number, query: ListOptions = {}): Promise<List<"bans", Restriction>> {
    return this.#ask(`/rooms/${room}/bans`, { query });
  }

  /** Lets a user only read. */
  mute(room: number, user: string, { key, ...body }: RestrictionOptions = {}): Promise<Restriction> {
    return this.#ask(userPath(room, "mutes", user), { method: "PUT", body, ...keyed(key) });
  }

  /** Lifts a mute. */
  async unmute(room: number, user: string, { reason, key }: MemberChangeOptions = {}): Promise<void> {
    await this.#ask(userPath(room, "mutes", user), { method: "DELETE", query: { reason }, ...keyed(key) });
  }

  /** The mutes that are in force. */
  mutes(room: number, query: ListOptions = {}): Promise<List<"mutes", Restriction>> {
    return this.#ask(`/rooms/${room}/mutes`, { query });
  }

  /** Makes an invite: for a week, if nothing else is said, and for as many as like. */
  invite(room: number, invite: { expires_in_s?: number; max_uses?: number } = {}): Promise<Invite> {
    return this.#ask(`/rooms/${room}/invites`, { method: "POST", body: invite });
  }

  /** The invites that can be used: all for a moderator, your own for others. */
  invites(room: number, query: ListOptions = {}): Promise<List<"invites", Invite>> {
    return this.#ask(`/rooms/${room}/invites`, { query });
  }

  /** Makes an invite of no use. */
  async revokeInvite(room: number, code: string): Promise<void> {
    await this.#ask(`/rooms/${room}/invites/${encodeURIComponent(code)}`, { method: "DELETE" });
  }

  /** Comes into a room by an invite. */
  acceptInvite(code: string, { key }: { key?: string } = {}): Promise<RoomInfo> {
    return this.#ask(`/invites/${encodeURIComponent(code)}`, { method: "POST", ...keyed(key) });
  }

  /** What was done in a room, newest first. Moderators may ask. */
  audit(room: number, query: ListOptions = {}): Promise<List<"events", RoomEvent>> {
    return this.#ask(`/rooms/${room}/audit`, { query });
  }

  async #ask<Answer>(path: string, call: Call = {}): Promise<Answer> {
    const url = typeof this.#url === "string" ? this.#url : await this.#url();
    const response = await request(this.#fetch, socketUrl(url), path, call);
    if (response === null) throw new ChatError("unavailable", "The server did not answer.");
    if (!response.ok) throw ChatError.from({ type: "error", ...(await refusalOf(response)) });
    return (await jsonOf(response)) as Answer;
  }
}

function userPath(room: number, list: "members" | "bans" | "mutes", user: string): string {
  return `/rooms/${room}/${list}/${encodeURIComponent(user)}`;
}

function keyed(key: string | undefined): { key?: string } {
  return key === undefined ? {} : { key };
}
