import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const GARBAGE = ["{", "null", "7", "1e300", "[1, {}, null]", '{"a": {"b": []}}', '"\\u0000\\u202e"', '"x"', `"${"long".repeat(20_000)}"`];
const LETTER = { key: "0198c0de-0000-7000-8000-000000000000", room: 1, text: "odd", fields: [], at: 1e300, tab: {}, failed: {}, seq: "x" };

/** Puts a text under every key that the page keeps, and opens it anew. */
async function damage(page, room, text, name = '"Ada"') {
  await page.evaluate(
    ([room, text, name, letter]) => {
      localStorage.clear();
      const keys = ["login", "theme", "language", "sound", "emoji", "notifications.declined", "favourites.Ada", `draft.Ada.${room}`, `draft.Ada.${room}/1`, `outbox.Ada.${letter.key}`, "outbox.Ada.x"];
      for (const key of keys) localStorage.setItem(`chat.${key}`, text);
      localStorage.setItem(`chat.outbox.Ada.${letter.key.replace(/0$/, "1")}`, JSON.stringify({ ...letter, room }));
      localStorage.setItem("chat.name", name);
      history.replaceState({ place: JSON.parse(JSON.stringify({ seq: text, bottom: text })), dialog: text }, "");
    },
    [room, text, name, LETTER],
  );
  await page.reload();
}

test("garbage in the browser's storage breaks nothing", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  await server.say(room, "Bob", "Hello");
  const ada = await person("Ada", { room });
  const { page } = ada;
  for (const text of GARBAGE) {
    await damage(page, room, text);
    await ada.seesPeople(1);
    await ada.sees(["Hello"]);
  }
  await page.getByRole("button", { name: "Emoji" }).click();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog").waitFor();

  for (const name of GARBAGE.filter((each) => each !== '"x"')) {
    await damage(page, room, "{", name);
    await page.getByLabel("Your name").waitFor();
  }
  await page.getByLabel("Your name").fill("Ada");
  await page.getByRole("button", { name: "Enter" }).click();
  await ada.sees(["Hello"]);
  calm();
});

test("what breaks while it is drawn is told, and the page can be loaded again", async () => {
  const { server, person } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  const { page } = ada;
  // It is whole again as soon as it has broken something.
  await page.evaluate(() => {
    const { toISOString } = Date.prototype;
    Date.prototype.toISOString = () => {
      Date.prototype.toISOString = toISOString;
      throw new Error("broken on purpose");
    };
  });
  await server.say(room, "Bob", "Hello");
  const told = page.getByRole("alert");
  await told.getByRole("heading", { name: "Something is broken" }).waitFor();
  await look(page);
  await told.getByRole("button", { name: "Load it again" }).click();
  await ada.sees(["Hello"]);
  await until(() => assert.match(ada.complaints.join(), /broken on purpose/));
  assert.equal(ada.complaints.length, 1, ada.complaints.join());
});
