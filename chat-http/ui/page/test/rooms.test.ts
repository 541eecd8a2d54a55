/** The list of rooms, with a server that is told what to answer. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import type { Notice } from "../../client/src/index.ts";
import type { Room } from "../api.ts";
import { Rooms } from "../rooms.ts";
import type { Session } from "../session.ts";

const LOOK_MS = 15_000;

Object.assign(globalThis, { document: { visibilityState: "visible", addEventListener: () => {}, removeEventListener: () => {} } });

class Desk {
  /** The ids of the rooms there are, in their order. */
  ids: number[] = [];
  isAway = false;
  own: object[] = [];
  readonly asked: string[] = [];
  notice: (notice: Notice) => void = () => {};

  readonly api = {
    myRooms: async () => this.#answer("mine", { rooms: this.own, next: null }),
    rooms: async ({ after = "0", limit = 100, q }: { after?: string; limit?: number; q?: string }) => {
      const fitting = this.ids.filter((id) => id > Number(after) && (q === undefined || nameOf(id).includes(q)));
      const page = fitting.slice(0, limit);
      return this.#answer(`after ${after}`, { rooms: page.map(room), next: fitting.length > limit ? String(page.at(-1)) : null });
    },
    notify: async () => {},
    createRoom: async () => (this.ids.push(50), room(50)),
  };

  readonly session = {
    user: "ada",
    owner: "chat / ada",
    api: this.api,
    client: { onNotice: (notice: (notice: Notice) => void) => ((this.notice = notice), () => {}), watch: () => ({ detach: () => {} }) },
    readMarks: { onAnswer: () => () => {}, know: () => {}, forget: () => {}, raise: () => {} },
    connection: { online: false, watch: () => () => {} },
    kept: { ready: Promise.resolve(), list: { rooms: [], own: [] }, retain: () => {}, forget: () => {} },
  };

  #answer<T>(asked: string, answer: T): T {
    this.asked.push(asked);
    if (this.isAway) throw Object.assign(new Error("away"), { code: "offline" });
    return answer;
  }
}

const nameOf = (id: number): string => `room ${id}`;

function room(id: number): Room {
  return { id, name: nameOf(id), topic: "", kind: "public", head: 1, online: 0, created_at: "2026-01-01T00:00:00.000Z" } as Room;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}

async function opened(ids: number[]): Promise<{ desk: Desk; rooms: Rooms; pass: (ms: number) => Promise<void> }> {
  const desk = new Desk();
  desk.ids = ids;
  const rooms = new Rooms(desk.session as unknown as Session);
  await settle();
  const pass = async (ms: number): Promise<void> => (mock.timers.tick(ms), settle());
  return { desk, rooms, pass };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

test("a room that another has made appears, though one's own newer one is known already", async () => {
  const { desk, rooms, pass } = await opened(upTo(3));
  desk.ids.push(49);
  await rooms.create({ name: "mine", topic: "" });
  await pass(LOOK_MS);
  assert.deepEqual(rooms.list.map(({ id }) => id), [50, 49, 3, 2, 1]);
  assert.equal(desk.asked.at(-1), "after 3");
  await pass(LOOK_MS);
  assert.equal(desk.asked.at(-1), "after 50");
});

test("new rooms are found where there are more than are read at once, too", async () => {
  const { desk, rooms, pass } = await opened(upTo(1_150));
  assert.equal(rooms.get(1_150), undefined);
  for (let turn = 0; turn < 3; turn += 1) await pass(2_000);
  assert.equal(rooms.get(1_150)?.id, 1_150);
  desk.ids.push(1_200);
  await pass(LOOK_MS);
  assert.equal(rooms.get(1_200)?.id, 1_200);
});

test("a page does not read all rooms there are, however many", async () => {
  const { desk, rooms, pass } = await opened(upTo(5_300));
  for (let turn = 0; turn < 50; turn += 1) await pass(2_000);
  assert.deepEqual([rooms.get(5_000)?.id, rooms.get(5_001)], [5_000, undefined]);
  assert.equal(desk.asked.filter((asked) => asked.startsWith("after")).length, 50);
});

test("lists that could not be read are read again", async () => {
  const { desk, rooms, pass } = await opened(upTo(3));
  desk.isAway = true;
  desk.notice({ type: "hello", user: "ada", username: "Ada" });
  await settle();
  desk.isAway = false;
  desk.ids = [1, 3];
  await pass(LOOK_MS);
  assert.deepEqual(rooms.list.map(({ id }) => id), [3, 1]);
});

test("a search that the server does not answer finds what is known, and says so", async () => {
  const { desk, rooms, pass } = await opened(upTo(12));
  desk.isAway = true;
  rooms.search("room 1");
  await pass(1_000);
  assert.equal(rooms.problem, "offline");
  assert.deepEqual(rooms.list.map(({ id }) => id), [12, 11, 10, 1]);
  desk.isAway = false;
  rooms.search("room 12");
  assert.equal(rooms.problem, "");
  await pass(1_000);
  assert.deepEqual(rooms.list.map(({ id }) => id), [12]);
});

test("a muted room counts by what mentions this person alone, also when it is muted later", async () => {
  const desk = new Desk();
  desk.ids = [1, 2, 3];
  const own = (id: number, notify: string, unread: number, mentions: number): object => ({ ...room(id), notify, read: 1, unread, mentions, ordinal: 9, head: 9 });
  desk.own = [own(1, "all", 3, 0), own(2, "none", 5, 0), own(3, "none", 4, 1)];
  const rooms = new Rooms(desk.session as unknown as Session);
  await settle();
  assert.deepEqual([1, 2, 3].map((id) => rooms.isMuted(id)), [false, true, true]);
  assert.equal(rooms.allUnread, 4);
  await rooms.setNotify(1, "none");
  assert.equal(rooms.allUnread, 1);
});
