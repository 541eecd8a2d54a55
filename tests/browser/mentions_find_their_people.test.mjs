import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

test("mentions find their people", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("mentions");
  await server.say(room, "عمر الخيام", "a name from the right");
  const ada = await person("Ada", { room });
  const bob = await person("Bob Builder", { room });
  const { page } = ada;
  const field = ada.field();
  const option = (name) => page.getByRole("option", { name });
  const stored = async () => (await server.call("GET", `/rooms/${room}/messages?limit=1`)).messages[0];
  await ada.seesPeople(2);

  // By the keys: the list says which one is chosen, and the focus stays in the field.
  await field.pressSequentially("hi @b");
  await option("Bob Builder").waitFor();
  assert.equal(await field.getAttribute("aria-activedescendant"), "suggestions-0");
  await look(page);
  await field.press("Enter");
  await holds(field, "hi @Bob Builder ");
  await field.pressSequentially("look");
  await field.press("Enter");
  await bob.page.locator(".mention.to-me").waitFor();
  assert.equal(await bob.page.locator(".mention.to-me").textContent(), "@Bob Builder");
  assert.equal(await bob.page.locator(".row").last().getByText("Mentions you").count(), 1);
  assert.equal(await page.locator(".mention:not(.to-me)").count(), 1);
  assert.deepEqual((await stored()).mentions, ["Bob Builder"]);
  await bob.sees(["a name from the right", "hi @Bob Builder look"]);

  // With arrows; Escape closes the list, and Enter sends then.
  await field.pressSequentially("@");
  await option("Bob Builder").waitFor();
  await option("عمر الخيام").waitFor();
  await field.press("ArrowUp");
  await page.locator('[role="option"][aria-selected="true"]', { hasText: "@everyone" }).waitFor();
  await field.press("ArrowUp");
  await field.press("Tab");
  await holds(field, "@عمر الخيام ");
  await field.pressSequentially("@bo");
  await option("Bob Builder").waitFor();
  await field.press("Escape");
  await option("Bob Builder").waitFor({ state: "detached" });
  await field.press("Enter");
  await until(async () => assert.deepEqual((await stored()).mentions, ["عمر الخيام"]));

  // With the mouse; and everyone.
  await field.pressSequentially("@every");
  await option("@everyone").click();
  await holds(field, "@everyone ");
  await field.press("Enter");
  await until(async () => assert.equal((await stored()).mentions_room, true));
  await until(async () => assert.equal(await bob.page.locator(".mention.to-me").count(), 2));

  // Who is not mentioned is not marked, though the text has their name.
  await server.say(room, "Cem", "@Ada has no mark");
  await until(async () => assert.equal(await page.locator(".row").last().locator(".text").textContent(), "@Ada has no mark"));
  assert.equal(await page.locator(".row").last().locator(".mention").count(), 0);

  // Shortcodes are offered and replaced in the same way.
  await field.pressSequentially(":smi");
  await option(":smile:").waitFor();
  await field.press("Escape");
  await field.pressSequentially("le:");
  await holds(field, "😄");
  await field.fill("");
  await field.pressSequentially(":tada");
  await option(":tada:").waitFor();
  await field.press("Tab");
  await holds(field, "🎉 ");
  calm();
});

/** Waits until a field has this text. */
function holds(field, text) {
  return until(async () => assert.equal(await field.inputValue(), text));
}

test("emoji are found by name and kind", async () => {
  const { server, person, calm } = await stage();
  const ada = await person("Ada", { room: await server.room("emoji") });
  const { page } = ada;
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  const find = page.getByRole("textbox", { name: "Find an emoji" });
  await page.getByRole("group", { name: "Smileys and feelings" }).getByRole("button", { name: "😀", exact: true }).waitFor();
  await look(page);
  await page.getByRole("button", { name: "Animals and nature" }).click();
  await page.getByRole("group", { name: "Animals and nature" }).getByRole("button", { name: "🐈", exact: true }).click();
  await holds(ada.field(), "🐈");
  await find.fill("unicorn");
  await find.press("Enter");
  await holds(ada.field(), "🐈🦄");
  await find.fill("pizza");
  await find.press("ArrowDown");
  await page.keyboard.press("Escape");
  await find.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  const recent = page.getByRole("group", { name: "Used last" }).getByRole("button");
  assert.deepEqual((await recent.allTextContents()).slice(0, 2), ["🦄", "🐈"]);
  calm();
});
