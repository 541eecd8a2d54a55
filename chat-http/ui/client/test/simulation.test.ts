/** Clients against the simulated server, over hundreds of seeds: nothing lost, doubled or reordered. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChatClient, ChatError, type Attachment, type ChangeOptions, type Done, type Position, type RoomEvent } from "../src/index.ts";
import { FakeClock, FakeNetwork, seeded } from "./fake-clock.ts";
import { CALM, SimulatedServer, type Faults } from "./simulated-server.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 60);
const ROOMS = 3;
const USERS = ["Alice", "Bob", "Carol"];
/** Enough time, without faults, for every wait there is to end. */
const CALM_MS = 90_000;

interface Attempt {
  room: number;
  key: string;
  /** What its event has. */
  fields: object;
  /** What became of it; `null` while it waits. */
  end: Done | "cancelled" | null;
}

/** One user's application: it does things at random and checks whatever it is told. */
class App {
  readonly client: ChatClient;
  readonly network = new FakeNetwork();
  readonly attempts: Attempt[] = [];
  readonly #server: SimulatedServer;
  readonly #user: string;
  readonly #attachments = new Map<number, Attachment>();
  /** What was seen last of each room; the next event must be the one after. */
  readonly #seen = new Map<number, Position>();
  /** What the handlers found wrong: the client catches what they throw. */
  readonly #wrong: unknown[] = [];
  events = 0;

  constructor(server: SimulatedServer, user: string) {
    this.#server = server;
    this.#user = user;
    this.client = new ChatClient({
      url: () => `ws://chat.example/ws/chat?username=${user}`,
      WebSocket: server.socketClass(),
      clock: server.clock,
      random: server.random,
      network: this.network,
      fetch: null,
    });
    for (let room = 1; room <= ROOMS; room++) this.#attach(room);
    this.client.start();
  }

  /** One thing a user does. */
  act(): void {
    const dice = this.#server.random();
    const room = 1 + Math.floor(this.#server.random() * ROOMS);
    if (dice < 0.6) this.#send(room);
    else if (dice < 0.8) this.client.typing(room, this.#server.random() < 0.7);
    else if (dice < 0.9) this.#attachAgain(room);
    else if (dice < 0.93) this.network.wake();
    else if (dice < 0.97) this.#read(room);
    else this.#cancel(room);
  }

  /** Everything was heard of, and every change has its one place. */
  check(): void {
    if (this.#wrong.length > 0) throw this.#wrong[0];
    for (const [room, attachment] of this.#attachments) {
      const head = this.#server.room(room).log.length;
      assert.deepEqual(attachment.position, { epoch: this.#server.epoch, seq: head }, `${this.#user} in room ${room}`);
      this.#checkSent(room);
    }
  }

  #attach(room: number, after?: Position): void {
    const attachment = this.client.attach(
      room,
      {
        attached: (head) => {
          const seen = this.#seen.get(room);
          if (seen === undefined) this.#seen.set(room, head);
          else this.#demand(() => assert.equal(head.epoch, seen.epoch));
        },
        resync: (head) => this.#seen.set(room, head),
        event: (event) => this.#demand(() => this.#event(room, event)),
        ended: () => this.#demand(() => assert.fail("no room ever ends here")),
      },
      after === undefined ? {} : { after },
    );
    this.#attachments.set(room, attachment);
  }

  #event(room: number, event: RoomEvent): void {
    const seen = this.#seen.get(room);
    assert.ok(seen !== undefined, "an event before the room was attached");
    assert.equal(event.seq, seen.seq + 1, `${this.#user} in room ${room}`);
    assert.deepEqual(event, JSON.parse(JSON.stringify(this.#server.room(room).log[event.seq - 1])));
    this.#seen.set(room, { epoch: seen.epoch, seq: event.seq });
    this.events += 1;
  }

  #demand(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#wrong.push(error);
    }
  }

  #attachAgain(room: number): void {
    const attachment = this.#attachments.get(room)!;
    attachment.detach();
    const { position } = attachment;
    if (position !== null) assert.deepEqual(position, this.#seen.get(room));
    this.#attach(room, position ?? undefined);
  }

  #send(room: number, signal?: AbortSignal): void {
    const key = `${this.#user}-${this.attempts.length}`;
    const { fields, done } = this.#change(room, signal ? { key, signal } : { key });
    const attempt: Attempt = { room, key, fields, end: null };
    this.attempts.push(attempt);
    done.then(
      (end) => (attempt.end = end),
      (error: unknown) => {
        this.#demand(() => assert.ok(error instanceof ChatError && error.code === "cancelled", String(error)));
        attempt.end = "cancelled";
      },
    );
  }

  /** A change of some kind, and what its event has to have. */
  #change(room: number, options: ChangeOptions): { fields: object; done: Promise<Done> } {
    const { client } = this;
    const content = `${this.#user} ${this.attempts.length}`;
    const target = 1 + Math.floor(this.#server.random() * 3);
    const yes = this.#server.random() < 0.5;
    const kinds = [
      () => ({ fields: { type: "message", content }, done: client.send(room, content, options) }),
      () => ({ fields: { type: "message_edited", target, content }, done: client.edit(room, target, { content }, options) }),
      () => ({ fields: { type: "message_deleted", target }, done: client.delete(room, target, options) }),
      () => ({ fields: { type: "pin", target, pinned: yes }, done: client.pin(room, target, yes, options) }),
      () => ({
        fields: { type: "reaction", target, reaction: "👍", added: yes },
        done: client.react(room, target, "👍", yes, options),
      }),
    ];
    return kinds[Math.floor(this.#server.random() * kinds.length)]!();
  }

  #read(room: number): void {
    const seq = this.#seen.get(room)?.seq ?? 0;
    this.client.read(room, seq).then(
      (mark) => this.#demand(() => assert.ok(mark.seq >= Math.min(seq, mark.ordinal), `${seq} was read, not ${mark.seq}`)),
      (error: unknown) => this.#wrong.push(error),
    );
  }

  #cancel(room: number): void {
    const abort = new AbortController();
    this.#send(room, abort.signal);
    this.#server.clock.setTimeout(() => abort.abort(), this.#server.random() * 3_000);
  }

  #checkSent(room: number): void {
    const { log } = this.#server.room(room);
    let last = 0;
    for (const { key, fields, end, room: at } of this.attempts) {
      if (at !== room) continue;
      const stored = log.filter((event) => "key" in event && event.key === key);
      assert.ok(stored.length <= 1, `${key} is there twice`);
      assert.notEqual(end, null, `${key} was never answered`);
      if (end === "cancelled" || end === null) continue;
      const [event] = stored;
      assert.deepEqual([event?.seq, key], [end.seq, end.key]);
      if (event === undefined) continue; // It changed nothing.
      assert.deepEqual({ ...event, ...fields }, event);
      assert.ok(event.seq > last, `${key} was overtaken`);
      last = event.seq;
    }
  }
}

/** Two minutes of trouble, then calm; gives what happened. */
async function simulate(seed: number, faults: Faults): Promise<SimulatedServer["counts"] & { events: number }> {
  const clock = new FakeClock();
  const random = seeded(seed);
  const server = new SimulatedServer(clock, random, ROOMS, faults);
  const apps = USERS.map((user) => new App(server, user));
  for (let step = 0; step < 150; step++) {
    apps[Math.floor(random() * apps.length)]!.act();
    if (random() < 0.01) await outage(server, clock);
    await clock.advance(random() * 1_500);
  }
  server.faults = CALM;
  await clock.advance(CALM_MS);
  server.cutAll(); // A frame lost at the very end shows only with the next one, or here.
  await clock.advance(CALM_MS);
  for (const app of apps) {
    app.check();
    app.client.stop();
  }
  return { ...server.counts, events: apps.reduce((sum, app) => sum + app.events, 0) };
}

/** The server is away for a while, and sometimes comes back with another epoch. */
async function outage(server: SimulatedServer, clock: FakeClock): Promise<void> {
  server.up = false;
  server.cutAll();
  await clock.advance(server.random() * 40_000);
  if (server.random() < 0.3) server.epoch = `epoch-${Math.floor(server.random() * 1e9)}`;
  server.up = true;
}

const TROUBLE: Record<string, { faults: Faults; happens: (keyof SimulatedServer["counts"])[] }> = {
  "connections that are refused, hang, end and die": {
    faults: { ...CALM, delayMs: 300, lifeMs: 15_000, refuse: 0.3, unknown: 0.1, unknownSignal: 0.2 },
    happens: ["gaps", "resyncs", "replays", "dead"],
  },
  "answers that ask for patience": {
    faults: { ...CALM, delayMs: 300, lifeMs: 60_000, error: 0.3 },
    happens: ["gaps", "replays", "unchanged"],
  },
  "frames that are doubled and delayed": {
    faults: { ...CALM, delayMs: 2_000, lifeMs: 30_000, double: 0.2 },
    happens: ["gaps", "doubled", "replays"],
  },
  "frames that are lost": {
    faults: { ...CALM, delayMs: 200, lifeMs: 60_000, drop: 0.1 },
    happens: ["gaps", "dropped", "replays"],
  },
  "everything at once": {
    faults: { ...CALM, drop: 0.05, double: 0.1, delayMs: 1_000, lifeMs: 15_000, refuse: 0.3, error: 0.15, unknown: 0.1 },
    happens: ["gaps", "resyncs", "replays", "dead", "dropped", "doubled"],
  },
};

for (const [name, { faults, happens }] of Object.entries(TROUBLE)) {
  test(`nothing is lost, doubled or reordered over ${SEEDS} seeds of ${name}`, async () => {
    const total: Record<string, number> = {};
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        for (const [what, count] of Object.entries(await simulate(seed, faults))) {
          total[what] = (total[what] ?? 0) + count;
        }
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    for (const what of happens) assert.ok(total[what]! > 0, `${what} never happened`);
    assert.ok(total["events"]! > SEEDS * 100, `only ${total["events"]} events were seen`);
    if (process.env["VERBOSE"]) console.log(name, total);
  });
}
