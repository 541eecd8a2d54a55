/** Notes outside of the page: by what they are shown, and what a click on one leads to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, pageFor, type Open } from "../../worker/notes.ts";
import { show, type Note, type Way } from "../notes.ts";

const NOTE: Note = { title: "Bob", body: "Hey!", tag: "chat 1", hash: "#/rooms/1/2" };

/** Which of the ways were taken, up to the one that showed the note. */
async function taken(...outcomes: ("shown" | "none" | "fails" | "throws")[]): Promise<number[]> {
  const tried: number[] = [];
  const ways = outcomes.map((outcome, at): Way => (note) => {
    assert.equal(note, NOTE);
    tried.push(at);
    if (outcome === "throws") throw new TypeError("Illegal constructor");
    return outcome === "fails" ? Promise.reject(new TypeError("not allowed")) : Promise.resolve(outcome === "shown");
  });
  await show(NOTE, ways);
  return tried;
}

test("a note is shown once, by the first way that there is", async () => {
  assert.deepEqual(await taken("shown", "shown"), [0]);
  for (const outcome of ["none", "fails", "throws"] as const) assert.deepEqual(await taken(outcome, "shown"), [0, 1], outcome);
});

test("where there is no way, nothing happens", async () => {
  assert.deepEqual(await taken("none", "throws"), [0, 1]);
  assert.deepEqual(await taken("fails", "fails"), [0, 1]);
});

const FOLDER = new URL("https://chat.example/team/");

/** The address of the page that is chosen of these: in front, in sight, or neither. */
function chosen(...open: [url: string, is: "focused" | "visible" | "hidden"][]): string | undefined {
  const pages = open.map(([url, is]): Open => ({ url: new URL(url, FOLDER).href, focused: is === "focused", visibilityState: is === "hidden" ? "hidden" : "visible" }));
  return pageFor(pages, FOLDER)?.url.slice(FOLDER.href.length);
}

test("a click leads to the page that was looked at last", () => {
  assert.equal(chosen(["#a", "hidden"], ["#b", "hidden"]), "#a");
  assert.equal(chosen(["#a", "hidden"], ["#b", "visible"]), "#b");
  assert.equal(chosen(["#a", "hidden"], ["#b", "visible"], ["?from=home#c", "focused"]), "?from=home#c");
});

test("a click leads to no page of others", () => {
  assert.equal(chosen(), undefined);
  assert.equal(chosen(["docs", "focused"], ["/", "visible"], ["/teams/", "visible"], ["https://elsewhere.example/team/", "focused"]), undefined);
  assert.equal(chosen(["docs", "focused"], ["#a", "hidden"]), "#a");
});

test("what a note leads to is a place in the page", () => {
  assert.equal(hashOf({ hash: "#/rooms/1/2" }), "#/rooms/1/2");
  for (const data of [null, undefined, 7, "#/rooms/1", {}, { hash: 7 }, { hash: "https://elsewhere.example/" }, { hash: "//elsewhere.example" }]) assert.equal(hashOf(data), "#/");
});
