import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { look, stage, until } from "./stage.mjs";

const PASSWORD = "correct horse battery";
const REFUSED = /Failed to load resource: the server responded with a status of 403/;

async function setUp(registration) {
  const file = join(tmpdir(), `chat-setup-${process.pid}-${registration}`);
  const made = await stage(["--accounts", "--registration", registration, "--setup-token-file", file]);
  const token = await until(() => {
    const written = readFileSync(file, "utf8").trim();
    assert.equal(written.length, 64);
    return written;
  });
  rmSync(file);
  return { ...made, token };
}

async function isAdministrator(page) {
  return page.evaluate(() => fetch("api/chat/accounts").then(({ status }) => status === 200));
}

test("the administrator takes the setup token", async () => {
  // Nobody else may register here.
  const { visitor, calm, token } = await setUp("off");
  const ada = await visitor("Ada", { context: { reducedMotion: "reduce" } });
  const page = ada.page;
  await page.getByRole("button", { name: "I have a setup token" }).click();
  await look(page);
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("Setup token").fill(token.replace(/^./, (digit) => (digit === "0" ? "1" : "0")));
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByText("That is not the setup token.").waitFor();
  await page.getByLabel("Setup token").fill(` ${token}\n`);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  assert.equal(await isAdministrator(page), true);
  calm(REFUSED);
});

test("where everybody may register, it is asked for on demand", async () => {
  const { visitor, calm, token } = await setUp("open");
  const ada = await visitor("Ada", { context: { reducedMotion: "reduce" } });
  const page = ada.page;
  await page.getByRole("button", { name: "Make an account" }).click();
  assert.equal(await page.getByLabel("Setup token").count(), 0);
  await page.getByRole("button", { name: "I have a setup token" }).click();
  await look(page);
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("Setup token").fill(token);
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  assert.equal(await isAdministrator(page), true);
  calm();
});
