/** The step in the history that a window has, with a browser that goes back a moment later. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { PATIENCE_MS, WindowStep, type Steps } from "../back.ts";

interface Entry {
  address: string;
  dialog: boolean;
}

/** A history whose ways back are gone when the test says so. */
class Browser implements Steps {
  entries: Entry[] = [{ address: "#before", dialog: false }, { address: "#room", dialog: false }];
  at = 1;
  /** Where the browser is on its way to. */
  ways: number[] = [];
  readonly step = new WindowStep(this);

  isThere = (): boolean => this.now.dialog;
  address = (): string => this.now.address;
  push = (): void => this.#enter({ address: this.now.address, dialog: true });
  back = (): void => void this.ways.push(this.at - 1);
  goTo = (address: string): void => {
    this.#enter({ address, dialog: false });
    this.step.popped();
  };

  get now(): Entry {
    return this.entries[this.at] as Entry;
  }

  /** Has the browser arrive where it was told to go. */
  arrive(): void {
    const to = this.ways.shift();
    if (to === undefined) return;
    this.at = to;
    this.step.popped();
  }

  /** A person goes back. */
  goBack(): void {
    this.back();
    this.arrive();
  }

  /** Opens a window, which is closed by the returned function and counts how often it was asked to close. */
  window(): { close: () => void; asked: () => number } {
    let asked = 0;
    const leave = this.step.open(() => void (asked += 1, leave()));
    return { close: leave, asked: () => asked };
  }

  get steps(): string[] {
    return this.entries.slice(0, this.at + 1).map(({ address, dialog }) => address + (dialog ? "+" : ""));
  }

  #enter(entry: Entry): void {
    this.entries.splice(++this.at, Infinity, entry);
  }
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());
const soon = (): void => mock.timers.tick(0);

test("Back closes the window that is in front, and a closed one leaves no step", () => {
  const browser = new Browser();
  const [below, front] = [browser.window(), browser.window()];
  assert.deepEqual(browser.steps, ["#before", "#room", "#room+"]);
  browser.goBack();
  soon();
  assert.deepEqual([below.asked(), front.asked(), browser.steps], [0, 1, ["#before", "#room", "#room+"]]);
  below.close();
  soon();
  browser.arrive();
  assert.deepEqual([below.asked(), browser.steps], [0, ["#before", "#room"]]);
});

test("a window that follows at once takes the step over, and one that follows on the way back gets one", () => {
  const browser = new Browser();
  browser.window().close();
  const second = browser.window();
  soon();
  assert.deepEqual([browser.ways, browser.steps], [[], ["#before", "#room", "#room+"]]);
  second.close();
  soon();
  const third = browser.window();
  browser.arrive();
  assert.deepEqual([third.asked(), browser.steps], [0, ["#before", "#room", "#room+"]]);
});

test("an address that is asked for on the way back is gone to once the browser is there", () => {
  const browser = new Browser();
  browser.window().close();
  soon();
  browser.goTo("#one");
  browser.goTo("#other");
  browser.arrive();
  assert.deepEqual(browser.steps, ["#before", "#room", "#other"]);
  browser.goBack();
  assert.deepEqual([browser.ways, browser.steps], [[], ["#before", "#room"]]);
});

test("the address is gone to even if the way back was counted from there", () => {
  const browser = new Browser();
  browser.window().close();
  soon();
  browser.goTo("#other");
  browser.ways = [browser.at - 1];
  browser.arrive();
  assert.equal(browser.now.address, "#other");
  // The step that was left over is passed.
  browser.goBack();
  browser.arrive();
  assert.deepEqual(browser.steps, ["#before", "#room"]);
});

test("an address that comes before the way back is no reason for one", () => {
  const browser = new Browser();
  browser.window().close();
  browser.goTo("#other");
  soon();
  assert.deepEqual([browser.ways, browser.now.address], [[], "#other"]);
});

test("an address that is left for the one before it, on the way back, stays left", () => {
  const browser = new Browser();
  browser.window().close();
  soon();
  browser.goTo("#other");
  browser.goTo("#room");
  browser.arrive();
  assert.equal(browser.now.address, "#room");
});

test("an address that is asked for closes a window that opened on the way back", () => {
  const browser = new Browser();
  browser.window().close();
  soon();
  const window = browser.window();
  browser.goTo("#other");
  browser.arrive();
  assert.deepEqual([window.asked(), browser.now.address], [1, "#other"]);
});

test("a browser that goes to the address instead of back is believed", () => {
  const browser = new Browser();
  browser.window().close();
  soon();
  browser.goTo("#other");
  browser.ways = [];
  const window = browser.window();
  mock.timers.tick(PATIENCE_MS);
  assert.deepEqual(browser.steps.slice(-2), ["#other", "#other+"]);
  browser.goBack();
  assert.deepEqual([window.asked(), browser.now.address], [1, "#other"]);
});
