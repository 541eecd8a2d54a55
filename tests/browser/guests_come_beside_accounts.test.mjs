import assert from "node:assert/strict";
import { test } from "node:test";
import { look, stage } from "./stage.mjs";

const PASSWORD = "correct horse battery";

test("guests come beside accounts", async () => {
  const { visitor, calm } = await stage(["--accounts", "--guests"]);
  const ada = await visitor("Ada", { context: { reducedMotion: "reduce" } });
  const page = ada.page;
  await look(page);
  await page.getByRole("button", { name: "Come in as a guest" }).click();
  await page.getByLabel("Your name").waitFor();
  await look(page);
  // There and back.
  await page.getByRole("button", { name: "Log in instead" }).click();
  await page.getByRole("button", { name: "Come in as a guest" }).click();
  await page.getByLabel("Your name").fill("Ada");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await ada.makes("general");
  await ada.say("Hello!");
  await ada.sees(["Hello!"]);
  // She knows her own words, and is a guest still when the page is opened again.
  await page.locator(".message.own").waitFor();
  await page.reload();
  await ada.sees(["Hello!"]);
  await page.locator(".message.own").waitFor();

  // With an account of the same name she is somebody else.
  await page.getByRole("button", { name: "Ada", exact: false }).filter({ hasText: "Connected" }).click();
  await page.getByRole("dialog", { name: "Your name" }).waitFor();
  await look(page);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Make an account" }).click();
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Register" }).click();
  await ada.sees(["Hello!"]);
  assert.equal(await page.locator(".message.own").count(), 0);
  await ada.say("I am another Ada");
  await ada.sees(["Hello!", "I am another Ada"]);
  calm();
});
