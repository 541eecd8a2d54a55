/**
 * A server that keeps wire.md's promises, behind a network that keeps none: it loses, doubles and
 * delays frames, refuses, hangs and cuts connections, and lets some die without a word.
 */

import type { WebSocketConstructor, WebSocketLike } from "../src/platform.ts";
import type { RoomEvent } from "../src/events.ts";
import type { FakeClock } from "./fake-clock.ts";

/** How bad things are; each number is a probability unless it says otherwise. */
export interface Faults {
  /** A frame is lost, in either direction. */
  drop: number;
  /** A frame comes twice. */
  double: number;
  /** The longest delay of a frame, in milliseconds. */
  delayMs: number;
  /** How long a connection lives on average, in milliseconds. */
  lifeMs: number;
  /** A connection is refused, or hangs. */
  refuse: number;
  /** A command is answered with an error that passes. */
  error: number;
  /** An event of a kind that the client does not know follows a message. */
  unknown: number;
  /** A signal of an unknown kind, with the number of an event, goes ahead of it. */
  unknownSignal: number;
}

export const CALM: Faults = {
  drop: 0,
  double: 0,
  delayMs: 20,
  lifeMs: Infinity,
  refuse: 0,
  error: 0,
  unknown: 0,
  unknownSignal: 0,
};

/** The largest gap that is answered with its events; beyond it comes a resync. */
const GAP_LIMIT = 40;
const COME_BACK = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4508, 4529, 4540, 4560, 4562];

type Json = Record<string, any>;

interface Room {
  log: RoomEvent[];
  /** The events with a key, by user and key. */
  keys: Map<string, RoomEvent>;
  /** Who has reacted with what to what. */
  reactions: Set<string>;
  /** How far each user has read. */
  marks: Map<string, number>;
}

export class SimulatedServer {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly links = new Set<Link>();
  readonly rooms = new Map<number, Room>();
  epoch = "epoch-0";
  up = true;
  faults: Faults;
  /** How often things have happened, to be sure that they do. */
  readonly counts = { connections: 0, replays: 0, unchanged: 0, resyncs: 0, gaps: 0, pieces: 0, dead: 0, dropped: 0, doubled: 0 };

  constructor(clock: FakeClock, random: () => number, rooms: number, faults: Faults) {
    this.clock = clock;
    this.random = random;
    this.faults = faults;
    for (let id = 1; id <= rooms; id++) this.rooms.set(id, { log: [], keys: new Map(), reactions: new Set(), marks: new Map() });
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** The class of the sockets that lead here; `?username=` in the address says who comes. */
  socketClass(): WebSocketConstructor {
    const server = this;
    return class extends Link {
      constructor(url: string) {
        super(server, url);
      }
    };
  }

  room(id: number): Room {
    const room = this.rooms.get(id);
    if (room === undefined) throw new Error(`the client named room ${id}, which was never used`);
    return room;
  }

  /** Takes an event into the log. */
  append(id: number, fields: Json): RoomEvent {
    const { log } = this.room(id);
    const event = { ...fields, room: id, seq: log.length + 1 } as unknown as RoomEvent;
    log.push(event);
    return event;
  }

  /** Tells an event to everyone attached. */
  publish(event: RoomEvent): void {
    const { room, seq } = event;
    if (this.chance(this.faults.unknownSignal)) this.broadcast(room, { type: "read_mark", room, seq, user: "someone" });
    this.broadcast(room, event);
  }

  broadcast(id: number, frame: object): void {
    for (const link of this.links) if (link.attached.has(id)) link.say(frame);
  }

  /** Ends every connection. */
  cutAll(): void {
    for (const link of [...this.links]) link.cut(1006);
  }
}

/** One connection: the client's socket, the session at the server, and the wire between. */
class Link implements WebSocketLike {
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  /** The rooms this session is attached to. */
  readonly attached = new Set<number>();
  /** Attaches that wait for a load, by room. */
  readonly #loading = new Map<number, Json>();
  readonly #server: SimulatedServer;
  readonly #user: string;
  #state: "connecting" | "open" | "dead" | "ended" = "connecting";
  /** When the last frame arrives, one way and the other: frames do not overtake each other. */
  #toServer = 0;
  #toClient = 0;

  constructor(server: SimulatedServer, url: string) {
    this.#server = server;
    this.#user = new URL(url).searchParams.get("username") ?? "";
    server.counts.connections += 1;
    const refused = !server.up || server.chance(server.faults.refuse);
    if (refused && server.up && server.chance(0.2)) return; // It hangs.
    server.clock.setTimeout(() => (refused ? this.cut(1006) : this.#accept()), server.random() * 100);
  }

  send(data: string): void {
    if (this.#state === "connecting") throw new Error("the client sent before the socket was open");
    if (this.#state !== "open") return;
    this.#toServer = this.#carry(this.#toServer, () => this.#command(JSON.parse(data) as Json));
  }

  close(): void {
    this.#end();
  }

  /** Sends a frame to the client. */
  say(frame: object): void {
    if (this.#state !== "open") return;
    const data = JSON.stringify(frame);
    this.#toClient = this.#carry(this.#toClient, () => this.onmessage?.({ data }));
  }

  /** Ends the connection; whatever is on its way is lost. */
  cut(code: number): void {
    if (this.#state === "ended") return;
    this.#end();
    this.#server.clock.setTimeout(() => this.onclose?.({ code, reason: "" }), this.#server.random() * 50);
  }

  #accept(): void {
    if (this.#state !== "connecting") return;
    this.#state = "open";
    this.#server.links.add(this);
    const { faults, clock, random } = this.#server;
    if (faults.lifeMs < Infinity) clock.setTimeout(() => this.#die(), -Math.log(1 - random()) * faults.lifeMs);
    this.onopen?.({});
  }

  #die(): void {
    const { random, counts } = this.#server;
    if (this.#state !== "open") return;
    if (random() < 0.2) {
      counts.dead += 1;
      this.#state = "dead"; // Nothing arrives any more on either side, and nobody is told.
      this.#server.links.delete(this);
    } else {
      this.cut(COME_BACK[Math.floor(random() * COME_BACK.length)]!);
    }
  }

  #end(): void {
    this.#state = "ended";
    this.#server.links.delete(this);
  }

  #carry(earliest: number, arrive: () => void): number {
    const { clock, faults, random, counts } = this.#server;
    const at = Math.max(earliest, clock.now() + random() * faults.delayMs);
    const deliver = (): void => {
      if (this.#state === "open") arrive();
    };
    if (random() < faults.drop) {
      counts.dropped += 1;
      return at;
    }
    clock.setTimeout(deliver, at - clock.now());
    if (random() < faults.double) {
      counts.doubled += 1;
      clock.setTimeout(deliver, at - clock.now());
    }
    return at;
  }

  #command(command: Json): void {
    if (this.#state !== "open") return;
    checkFields(command);
    if (command["type"] === "ping") this.say({ type: "pong" });
    else if (command["type"] === "attach") this.#attach(command);
    else if (command["type"] === "detach") this.#detach(command["room"]);
    else if (command["type"] in EVENTS || command["type"] === "read") this.#change(command);
    else this.#server.broadcast(command["room"], { type: "typing", room: command["room"], users: [], identities: [] });
  }

  #attach(command: Json): void {
    const { room } = command;
    const server = this.#server;
    if (this.attached.has(room) || this.#loading.has(room)) {
      this.#error(command, "already_attached");
    } else if (server.chance(server.faults.error)) {
      this.#error(command, "unavailable");
    } else if (server.chance(0.3)) {
      this.#loading.set(room, command);
      server.clock.setTimeout(() => {
        if (this.#loading.get(room) !== command) return;
        this.#loading.delete(room);
        this.#join(command);
      }, server.random() * 300);
    } else {
      this.#join(command);
    }
  }

  #join(command: Json): void {
    const { room, ref, after } = command;
    const { epoch, counts } = this.#server;
    const { log } = this.#server.room(room);
    const head = log.length;
    const lost = after !== undefined && (after.epoch !== epoch || after.seq > head || head - after.seq > GAP_LIMIT);
    if (lost) {
      counts.resyncs += 1;
      this.say({ type: "resync", ref, room, epoch, head });
    } else {
      const events = after === undefined ? [] : log.slice(after.seq);
      if (events.length > 0) counts.gaps += 1;
      // A large answer comes in several frames.
      const cut = this.#server.chance(0.3) ? Math.ceil(events.length / 2) : events.length;
      const more = cut < events.length;
      this.say({ type: "attached", ref, room, epoch, head, events: events.slice(0, cut), ...(more && { more }) });
      for (let at = cut; at < events.length; at++) {
        counts.pieces += 1;
        this.say({ type: "events", room, events: [events[at]], more: at + 1 < events.length });
      }
    }
    this.attached.add(room);
    this.say({ type: "user_list", room, users: [], identities: [], count: 0 });
  }

  #detach(room: number): void {
    const waiting = this.#loading.get(room);
    if (waiting !== undefined) this.#error(waiting, "not_attached");
    this.#loading.delete(room);
    this.attached.delete(room);
  }

  #change(command: Json): void {
    const { room, key } = command;
    const server = this.#server;
    const fault = server.chance(server.faults.error) ? Math.floor(server.random() * 5) : -1;
    if (fault === 0) return this.#error(command, "unavailable");
    if (fault === 1) return this.#error(command, "overloaded", 500);
    if (fault === 2) return this.#error(command, "rate_limited", 2_000);
    if (fault === 3) return this.#error(command, "outcome_unknown"); // It was not stored.
    if (command["type"] === "read") return this.#read(command);
    const known = server.room(room).keys.get(`${this.#user} ${key}`);
    const event = known ?? this.#store(command);
    if (known !== undefined) server.counts.replays += 1;
    if (event === null) server.counts.unchanged += 1;
    const { seq, timestamp } = (event ?? {}) as Json;
    if (fault === 4) this.#error(command, "outcome_unknown"); // It was stored.
    else this.say({ type: "ok", ref: command["ref"], room, seq, timestamp, ...(known && { replayed: true }) });
    if (known !== undefined || event === null) return;
    server.publish(event);
    if (server.chance(server.faults.unknown)) {
      server.publish(server.append(room, { type: "from_the_future", target: seq }));
    }
  }

  /** Stores the event that a change makes, unless all is as it wants already. */
  #store(command: Json): RoomEvent | null {
    const server = this.#server;
    const { type, ref: _, room, key, ...fields } = command;
    const { keys, reactions } = server.room(room);
    const reaction = `${this.#user} ${fields["target"]} ${fields["reaction"]}`;
    if (type === "react") {
      if (reactions.has(reaction) === fields["added"]) return null;
      if (!reactions.delete(reaction)) reactions.add(reaction);
    }
    const timestamp = new Date(server.clock.now()).toISOString();
    const event = server.append(room, {
      type: EVENTS[type],
      user: this.#user,
      username: this.#user,
      timestamp,
      key,
      ...fields,
    });
    keys.set(`${this.#user} ${key}`, event);
    return event;
  }

  #read({ room, ref, seq }: Json): void {
    const { marks, log } = this.#server.room(room);
    const mark = Math.min(Math.max(seq, marks.get(this.#user) ?? 0), log.length);
    marks.set(this.#user, mark);
    this.say({ type: "ok", ref, room, seq: mark, unread: log.length - mark, mentions: 0, ordinal: log.length });
  }

  #error(command: Json, code: string, retry_after_ms?: number): void {
    this.say({ type: "error", ref: command["ref"], room: command["room"], code, message: code, retry_after_ms });
  }
}

/** What makes an event, and which. */
const EVENTS: Record<string, string> = {
  message: "message",
  edit: "message_edited",
  delete: "message_deleted",
  react: "reaction",
  pin: "pin",
};

const FIELDS: Record<string, string[]> = {
  ping: [],
  attach: ["room", "ref", "after", "presence"],
  detach: ["room", "ref"],
  message: ["room", "ref", "content", "key"],
  edit: ["room", "ref", "target", "content", "key"],
  delete: ["room", "ref", "target", "reason", "key"],
  react: ["room", "ref", "target", "reaction", "added", "key"],
  pin: ["room", "ref", "target", "pinned", "key"],
  read: ["room", "ref", "seq", "back"],
  typing: ["room", "ref", "is_typing"],
};

/** Commands with a field that wire.md does not know are refused by a real server: here the test fails. */
function checkFields(command: Json): void {
  const allowed = FIELDS[command["type"]];
  if (allowed === undefined) throw new Error(`unknown command ${JSON.stringify(command)}`);
  for (const field of Object.keys(command)) {
    if (field !== "type" && !allowed.includes(field)) throw new Error(`unknown field ${field} in ${command["type"]}`);
  }
}
