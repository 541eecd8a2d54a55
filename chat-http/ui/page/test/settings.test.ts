/** What was chosen about the page, and what comes of what is stored. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pick } from "../language.ts";
import { state } from "../settings/permission.ts";
import { nameOfLanguage, OFFERED, wantedLanguages } from "../settings/settings.ts";
import { ring } from "../settings/sound.ts";
import { asTheme } from "../settings/theme.ts";

test("a language that was chosen comes before the browser's, as it is used where the person lives", () => {
  assert.deepEqual(wantedLanguages(null, ["fr-CH", "en"]), ["fr-CH", "en"]);
  assert.deepEqual(wantedLanguages("de", ["fr-CH", "de-AT", "en"])[0], "de-AT");
  assert.deepEqual(pick(wantedLanguages("ja", ["de"])), { name: "ja", locale: "ja" });
  assert.equal(pick(wantedLanguages("en", ["de"])), null);
});

test("languages are offered by their own names", () => {
  assert.deepEqual(OFFERED.map(nameOfLanguage), ["English", "Deutsch", "Français", "Español", "Português", "العربية", "हिन्दी", "中文", "日本語"]);
});

test("a theme that there is not is that of the device", () => {
  assert.deepEqual(["light", "dark", "system", "sepia", null, {}, 1].map(asTheme), ["light", "dark", "system", "system", "system", "system", "system"]);
});

test("in a flood there is one tone, and none where the browser has no sound", async () => {
  ring(0);
  let tones = 0;
  class Silence {
    currentTime = 0;
    async resume(): Promise<void> {
      tones += 1;
      throw new Error();
    }
  }
  (globalThis as { AudioContext?: unknown }).AudioContext = Silence;
  for (const at of [2_000, 2_100, 3_999, 4_000]) ring(at);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(tones, 2);
});

test("notifications are on when both the browser and the person want them", () => {
  assert.deepEqual((["granted", "default", "denied", undefined] as const).map((permission) => [state(permission, false), state(permission, true)]), [
    ["on", "off"],
    ["off", "off"],
    ["blocked", "blocked"],
    ["none", "none"],
  ]);
});
