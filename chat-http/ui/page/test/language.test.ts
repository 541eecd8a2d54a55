import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { typing } from "../format.ts";
import { language, list, pick, t, use } from "../language.ts";
import ar from "../texts/ar.ts";
import de from "../texts/de.ts";
import en from "../texts/en.ts";

afterEach(() => use("en", en, "en-GB"));

test("the first language that there is a table for is picked, as it is used where the person lives", () => {
  assert.deepEqual(pick(["nl", "de-AT", "en"]), { name: "de", locale: "de-AT" });
  assert.deepEqual(pick(["zh-Hans-CN"]), { name: "zh", locale: "zh-Hans-CN" });
  assert.equal(pick(["en-US", "de"]), null);
  assert.equal(pick(["", "no such language!", "nl", "constructor"]), null);
});

test("what a table of another version lacks is English", () => {
  use("de", { save: "Speichern" });
  assert.equal(t("save"), "Speichern");
  assert.equal(t("cancel"), "Cancel");
  assert.equal(t("peopleHere", { count: 2 }), "2 people here");
});

test("numbers take the form that their language has for them", () => {
  use("de", de);
  assert.deepEqual([1, 2, 1000].map((count) => t("peopleHere", { count })), ["1 Person hier", "2 Personen hier", "1.000 Personen hier"]);
  use("ar", ar, "ar-EG");
  assert.deepEqual([1, 2, 3, 11].map((count) => t("newMessages", { count })), ["رسالة جديدة", "رسالتان جديدتان", "٣ رسائل جديدة", "١١ رسالة جديدة"]);
  assert.equal(language().direction, "rtl");
});

test("names are set apart where they could turn the words around them", () => {
  assert.equal(t("deleteRoom", { room: "general" }), "Delete general");
  assert.equal(t("deleteRoom", { room: "עברית!" }), "Delete \u2068עברית!\u2069");
  assert.equal(t("writeTo", { room: "a\u202Eb" }), "Message \u2068a\u202Eb\u2069");
  use("ar", ar);
  assert.equal(t("deleteRoom", { room: "C++" }), "حذف \u2068C++\u2069");
});

test("names stand in a row as the language has it", () => {
  assert.equal(list(["Ann", "Bob", "Cem"]), "Ann, Bob and Cem");
  use("de", de);
  assert.equal(typing(["Ann", "Bob", "Cem", "Dee"]), "Ann, Bob und 2 andere schreiben gerade");
});
