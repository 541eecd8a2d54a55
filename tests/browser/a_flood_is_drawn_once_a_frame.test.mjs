import assert from "node:assert/strict";
import { test } from "node:test";
import { stage, until } from "./stage.mjs";

const MESSAGES = 600;

test("a flood is drawn once a frame", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room });
  await ada.page.evaluate(() => {
    globalThis.counted = { frames: 0, drawn: 0 };
    const count = () => ((globalThis.counted.frames += 1), requestAnimationFrame(count));
    requestAnimationFrame(count);
    new MutationObserver(() => (globalThis.counted.drawn += 1)).observe(document.querySelector(".rows"), { childList: true });
  });
  let left = MESSAGES;
  const send = async () => {
    while (left > 0) await server.say(room, "Bob", `message ${MESSAGES - --left}`);
  };
  await Promise.all(Array.from({ length: 16 }, send));
  await until(async () => assert.equal(await ada.page.locator(`.row[data-seq="${MESSAGES}"]`).count(), 1));
  const { frames, drawn } = await ada.page.evaluate(() => globalThis.counted);
  assert.ok(drawn <= frames + 5, `drawn ${drawn} times in ${frames} frames`);
  assert.ok(drawn < MESSAGES / 2, `drawn ${drawn} times`);

  // Rows are drawn again for what they show alone. (Each says when it came.)
  await ada.page.evaluate(() => {
    const { get, ...rest } = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format");
    globalThis.formatted = 0;
    Object.defineProperty(Intl.DateTimeFormat.prototype, "format", { ...rest, get() { globalThis.formatted += 1; return get.call(this); } });
  });
  await server.say(room, "Ann", "one more");
  await ada.page.getByText("one more", { exact: true }).waitFor();
  const [formatted, rows] = await ada.page.evaluate(() => [globalThis.formatted, document.querySelectorAll(".row").length]);
  assert.ok(formatted < rows, `${formatted} times formatted, of ${rows} rows`);

  // What is typed and sent in one frame is sent as it was typed.
  await ada.say("quick");
  await until(async () => assert.equal((await ada.texts()).at(-1), "quick"));
  calm();
});
