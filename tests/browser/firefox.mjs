// Somebody in Firefox. Playwright drives a Firefox of its own only; puppeteer speaks WebDriver BiDi, as the system's does.
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import { until } from "./stage.mjs";

const { default: puppeteer } = await import(createRequire(join(process.env.CHAT_TEST_BROWSER, "package.json")).resolve("puppeteer-core"));

/** Opens a page in a Firefox that is gone when the scenario is over. */
export async function openFirefox(url) {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: process.env.CHAT_TEST_FIREFOX, headless: true, defaultViewport: { width: 1280, height: 800 } });
  // It may wait for a page that waits for a server that is gone.
  after(() => browser.process().kill("SIGKILL"));
  const page = await browser.newPage();
  page.setDefaultTimeout(45_000);
  const complaints = [];
  page.on("console", (message) => ["error", "warn"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  await page.goto(url);
  return new FirefoxPage(page, complaints);
}

class FirefoxPage {
  constructor(page, complaints) {
    this.page = page;
    /** What went wrong that nobody saw. */
    this.complaints = complaints;
  }

  /** Presses the first of these that can be seen. */
  press(selector) {
    return this.page.locator(selector).click();
  }

  /** Presses the button with this name. */
  button(name, within = "") {
    return this.press(`${within} button::-p-text(${name})`);
  }

  fill(selector, text) {
    return this.page.locator(selector).fill(text);
  }

  async say(text) {
    await this.fill(".composer textarea", text);
    await this.page.keyboard.press("Enter");
  }

  /** The texts of all elements that fit. */
  texts(selector) {
    return this.page.$$eval(selector, (all) => all.map(({ textContent }) => textContent));
  }

  /** Waits until a check of these texts no longer throws. */
  has(selector, check) {
    return until(async () => check(await this.texts(selector)));
  }
}
