import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const LIGHT = "rgb(251, 250, 247)";
const DARK = "rgb(21, 25, 27)";

test("settings are kept", async () => {
  const { server, person, calm } = await stage();
  const room = await server.room("general");
  const ada = await person("Ada", { room, context: { colorScheme: "light", reducedMotion: "reduce" } });
  const { page } = ada;
  assert.equal(await background(page), LIGHT);
  await page.getByRole("button", { name: "Settings" }).click();
  const dialog = page.getByRole("dialog");
  /** Its step in the history is left, too, before the page is. */
  const close = async () => {
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => history.state?.dialog !== true);
  };
  await look(page);

  // Light or dark, at once and before the first paint of the next visit, whatever the device says.
  await dialog.getByLabel("Dark").check();
  assert.equal(await background(page), DARK);
  await look(page);
  await close();
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.equal(await page.evaluate(() => [...document.querySelectorAll("meta[name=theme-color]")].filter(({ media }) => matchMedia(media).matches).map(({ content }) => content).join()), "#15191b");
  await page.getByRole("button", { name: "Settings" }).click();
  assert.equal(await background(page), DARK);
  assert.ok(await dialog.getByLabel("Dark").isChecked());
  await dialog.getByLabel("As on this device").check();
  assert.equal(await background(page), LIGHT);
  await page.emulateMedia({ colorScheme: "dark" });
  assert.equal(await background(page), DARK);

  // The keys are shown by one, but not to whoever writes; and another leads past the list.
  await close();
  await ada.field().focus();
  await page.keyboard.type("why?");
  assert.equal(await ada.field().inputValue(), "why?");
  await page.getByRole("log").focus();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByRole("row", { name: "Ctrl K" }).waitFor();
  await page.keyboard.press("?");
  assert.equal(await dialog.count(), 1);
  await look(page);
  await close();
  await page.reload();
  await ada.seesPeople(1);
  // From the beginning of the page.
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
  });
  await page.keyboard.press("Tab");
  const skip = page.getByRole("button", { name: "Skip to the room" });
  assert.ok(await skip.evaluate((button) => button === document.activeElement && getComputedStyle(button).clipPath === "none"));
  await look(page);
  await page.keyboard.press("Enter");
  assert.ok(await ada.field().evaluate((field) => field === document.activeElement));
  assert.equal(await ada.field().inputValue(), "why?");
  await page.getByRole("button", { name: "Settings" }).click();

  // Another language, at once: the connection, the window and what is being written stay.
  await dialog.getByLabel("Language").waitFor();
  const languages = await dialog.getByLabel("Language").locator("option").allTextContents();
  assert.deepEqual(languages.slice(0, 4), ["As in the browser", "English", "Deutsch", "Français"]);
  await dialog.getByLabel("Language").selectOption({ label: "العربية" });
  await page.getByRole("dialog", { name: "الإعدادات" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("dir"), "rtl");
  await dialog.locator("select").selectOption({ label: "Deutsch" });
  await page.getByRole("dialog", { name: "Einstellungen" }).waitFor();
  assert.deepEqual([await page.locator("html").getAttribute("dir"), await page.locator("html").getAttribute("lang")], ["ltr", "de"]);
  await page.locator(".entry").getByText("1 hier").waitFor();
  await close();
  await page.reload();
  await page.getByRole("button", { name: "Einstellungen" }).click();
  // Another tab of the browser follows.
  const second = await ada.open("/#/");
  await second.getByRole("button", { name: "Einstellungen" }).click();
  await second.getByLabel("Sprache").selectOption({ label: "Wie im Browser" });
  await second.getByRole("dialog", { name: "Settings" }).waitFor();
  await page.getByRole("dialog", { name: "Settings" }).waitFor();
  await until(async () => assert.equal(await page.locator("html").getAttribute("lang"), "en"));
  calm();
});
