import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatClient, Sent } from "../../client/src/index.ts";
import { Outbox } from "../outbox.ts";
import type { Connection } from "../session.ts";

/** An outbox whose messages are answered as told. */
function outbox(): { outbox: Outbox; answer: (seq: number) => Promise<void> } {
  let answered: (sent: Sent) => void = () => {};
  const client = { send: () => new Promise<Sent>((resolve) => (answered = resolve)) };
  const made = new Outbox(client as unknown as ChatClient, { online: true } as Connection, "Ada", "chat / Ada");
  const answer = async (seq: number): Promise<void> => {
    answered({ key: "", seq, timestamp: "", replayed: false });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { outbox: made, answer };
}

test("a message that is shown by the room already is not shown by the outbox, too, when its answer comes", async () => {
  const { outbox: one, answer } = outbox();
  one.send(7, "Hello");
  one.shown(7, 3);
  assert.equal(one.of(7).length, 1);
  await answer(3);
  assert.deepEqual(one.of(7), []);
});

test("a message that the room does not show yet stays until it does", async () => {
  const { outbox: one, answer } = outbox();
  one.send(7, "Hello");
  one.shown(7, 3);
  await answer(4);
  assert.equal(one.of(7).length, 1);
  one.shown(7, 4);
  assert.deepEqual(one.of(7), []);
});

test("what is written in a thread stands there, and not in the room", () => {
  const { outbox: one } = outbox();
  one.send(7, "Hello");
  one.send(7, "In the thread", { thread: 3, reply_to: 5 });
  assert.deepEqual(one.of(7).map(({ text }) => text), ["Hello"]);
  assert.deepEqual(one.of(7, 3).map(({ text, fields }) => [text, fields]), [["In the thread", { thread: 3, reply_to: 5 }]]);
  assert.deepEqual(one.of(7, 4), []);
});
