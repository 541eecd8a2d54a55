import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage } from "./stage.mjs";

const PASSWORD = "correct horse battery";
const ANOTHER = "wrong horse battery";

/** What the browser itself says of a log-in that is refused, and of a socket that is closed. */
const REFUSED = /Failed to load resource: the server responded with a status of 40[13]|WebSocket connection to/;

test("an account comes and goes", async () => {
  const { visitor, calm } = await stage(["--accounts"]);
  const ada = await visitor("Ada", { context: { reducedMotion: "reduce" } });
  const page = ada.page;
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await look(page);
  // Keys are enough: the name has the focus already.
  await page.keyboard.type("Ada");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText("The name or the password is wrong.").waitFor();
  await page.getByRole("button", { name: "Make an account" }).click();
  await look(page);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();

  // No script can read what keeps the login, and the page is still Ada's when it is opened again.
  assert.equal(await page.evaluate(() => document.cookie), "");
  await page.reload();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await ada.makes("general");
  await ada.say("Hello!");
  await ada.sees(["Hello!"]);

  // Another name to show; the one to log in with stays.
  await page.getByRole("button", { name: "Ada", exact: false }).filter({ hasText: "Connected" }).click();
  await page.getByRole("dialog", { name: "Your account" }).waitFor();
  await look(page);
  await page.getByLabel("Your name").fill("Countess");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Countess Connected" }).waitFor();

  // Another password, if she knows the one of now. It ends her other logins, and not this one.
  await page.getByRole("button", { name: "Countess Connected" }).click();
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByRole("dialog", { name: "Change password" }).waitFor();
  await look(page);
  // The field has the focus already.
  await page.keyboard.type("not this one");
  await page.getByLabel("New password").fill(ANOTHER);
  await page.getByRole("dialog").getByRole("button", { name: "Change password" }).click();
  await page.getByText("The current password is wrong.").waitFor();
  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByRole("dialog").getByRole("button", { name: "Change password" }).click();
  await page.getByText("Your password is changed.").waitFor();
  await look(page);
  await page.keyboard.press("Escape");
  await ada.say("Still here");
  await ada.sees(["Hello!", "Still here"]);

  // A second page of the same browser ends with the login, wherever that is ended.
  const second = await ada.open();
  await second.getByRole("button", { name: "Countess Connected" }).click();
  await second.getByRole("button", { name: "Log out" }).click();
  await second.getByRole("button", { name: "Log in" }).waitFor();
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await page.getByLabel("Name").fill("ADA");
  await page.getByLabel("Password").fill(ANOTHER);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Countess Connected" }).waitFor();
  calm(REFUSED);
});
