import assert from "node:assert/strict";
import { test } from "node:test";
import { uuidGenerator, uuidv7 } from "../src/uuid.ts";
import { seeded } from "./fake-clock.ts";

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function generator(now: () => number, byte?: number): () => string {
  const random = seeded(7);
  return uuidGenerator(now, (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = byte ?? Math.floor(random() * 256);
  });
}

function assertAscending(uuids: string[]): void {
  for (let i = 1; i < uuids.length; i++) assert.ok(uuids[i - 1]! < uuids[i]!, `${uuids[i - 1]} < ${uuids[i]}`);
}

test("a UUID has the shape of version 7 and begins with the time", () => {
  const uuid = generator(() => 0x0123_4567_89ab)();
  assert.match(uuid, SHAPE);
  assert.ok(uuid.startsWith("01234567-89ab-7"), uuid);
});

test("UUIDs ascend within a millisecond, even when its counter runs over", () => {
  const next = generator(() => 1_750_000_000_000, 0xff);
  const uuids = Array.from({ length: 10_000 }, next);
  for (const uuid of uuids) assert.match(uuid, SHAPE);
  assertAscending(uuids);
});

test("UUIDs ascend when the clock is set back, and go on with it when it catches up", () => {
  const times = [1_000, 1_001, 400, 400, 1_001, 1_002];
  let i = 0;
  const next = generator(() => times[i++]!);
  const uuids = times.map(() => next());
  assertAscending(uuids);
  assert.ok(uuids.at(-1)!.startsWith("00000000-03ea-7"), uuids.at(-1));
});

test("the generator of the platform makes distinct, ascending UUIDs", () => {
  const uuids = Array.from({ length: 5_000 }, uuidv7);
  for (const uuid of uuids) assert.match(uuid, SHAPE);
  assertAscending(uuids);
});
