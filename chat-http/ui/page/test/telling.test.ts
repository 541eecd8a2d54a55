import assert from "node:assert/strict";
import { test } from "node:test";
import { Telling, type News } from "../telling.ts";

const news = (seq: number, more: Partial<News> = {}): News => ({ room: 1, seq, user: "bob", isForMe: false, ...more });

test("whoever wants everything of a room is told each message once", () => {
  const telling = new Telling("ada");
  assert.equal(telling.tells(news(5), "all", false), true);
  assert.equal(telling.tells(news(5, { isForMe: true }), "all", false), false, "the notice of a mention in it comes later");
  assert.equal(telling.tells(news(6), "all", false), true);
  assert.equal(telling.tells(news(5, { room: 2 }), "all", false), true, "another room counts by itself");
});

test("whoever wants mentions is told those alone, by whichever way they are heard of", () => {
  const telling = new Telling("ada");
  assert.equal(telling.tells(news(5), "mentions", false), false);
  assert.equal(telling.tells(news(5, { isForMe: true }), "mentions", false), true);
  assert.equal(telling.tells(news(5, { isForMe: true, user: undefined as never }), "mentions", false), false);
});

test("nothing is told of a room that is muted, nor of what oneself has written", () => {
  const telling = new Telling("ada");
  assert.equal(telling.tells(news(5, { isForMe: true }), "none", false), false);
  assert.equal(telling.tells(news(6, { user: "ada", isForMe: true }), "all", false), false);
  assert.equal(telling.tells(news(7, { user: null }), "all", false), true, "who has written it may not be known any more");
});

test("what was on screen is not told when nobody looks any more", () => {
  const telling = new Telling("ada");
  assert.equal(telling.tells(news(5), "mentions", true), false);
  assert.equal(telling.tells(news(5, { isForMe: true }), "mentions", false), false);
});

test("as many as anybody hears of at once are kept in mind, and no more", () => {
  const telling = new Telling("ada");
  for (let seq = 1; seq <= 501; seq += 1) telling.tells(news(seq), "all", false);
  assert.equal(telling.tells(news(501), "all", false), false);
  assert.equal(telling.tells(news(1), "all", false), true);
});
