/**
 * The language of the page: which one, its table of texts (`texts/`), and its sentences with their parts filled in.
 * English is always there; another table is a file of its own, which is loaded when that language is picked.
 */
import { h, type ComponentChild } from "preact";
import en from "./texts/en.ts";

type English = typeof en;
/** A text that depends on a number: one form for each plural category of the language. */
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
/** All texts, in one language. */
export type Texts = { readonly [Key in keyof English]: English[Key] extends string ? string : Plural };

/** The names of a text's parts. */
type PartOf<Text> = Text extends `${string}{${infer Part}}${infer Rest}` ? Part | PartOf<Rest> : never;
type FormsOf<Key extends keyof English> = English[Key] extends string ? English[Key] : English[Key][keyof English[Key]];
type Part<Key extends keyof English> = PartOf<FormsOf<Key>> | (English[Key] extends string ? never : "count");
type Parts<Key extends keyof English, Value> = [Part<Key>] extends [never] ? [] : [{ [Name in Part<Key>]: Name extends "count" ? number : Value }];
/** The texts that have no parts. */
export type PlainText = { [Key in keyof English]: [Part<Key>] extends [never] ? Key : never }[keyof English];

/** The languages besides English, each a file of `texts/`, by what `lang` calls them. */
export const LANGUAGES: Readonly<Record<string, string>> = { de: "de", fr: "fr", es: "es", pt: "pt", ar: "ar", hi: "hi", zh: "zh-Hans", ja: "ja" };
const FROM_RIGHT = new Set(["ar"]);
/** How long a page waits for its language before it is English. */
const PATIENCE_MS = 4_000;

interface Spoken {
  texts: Texts;
  /** What `lang` says. */
  lang: string;
  direction: "ltr" | "rtl";
  /** For `Intl`: the language, as it is used where the person lives. */
  locale: string;
}

let spoken: Spoken = english([]);

/** The language that is spoken now. */
export function language(): Readonly<Omit<Spoken, "texts">> {
  return spoken;
}

/**
 * Picks the first of these languages that there is, and loads its texts from `home`; if they do not come, it stays English.
 * `version` is the end of their address.
 */
export async function speak(wanted: readonly string[], home: URL, version = ""): Promise<void> {
  const picked = pick(wanted);
  spoken = english(wanted);
  if (picked === null) return;
  try {
    const file = await fetch(new URL(`texts-${picked.name}.json${version}`, home), { credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!file.ok) return;
    use(picked.name, (await file.json()) as Partial<Texts>, picked.locale);
  } catch {
    // English is better than nothing.
  }
}

/** Speaks with this table from now on. What it lacks, since it is of another version, is English. */
export function use(name: string, texts: Partial<Texts>, locale = name): void {
  spoken = { texts: { ...en, ...texts }, lang: LANGUAGES[name] ?? name, direction: FROM_RIGHT.has(name) ? "rtl" : "ltr", locale };
}

/** The first of these that there is a table for; null where that is English, or there is none. */
export function pick(wanted: readonly string[]): { name: string; locale: string } | null {
  for (const locale of wanted) {
    const name = nameOf(locale);
    if (name === "en") return null;
    if (Object.hasOwn(LANGUAGES, name)) return { name, locale };
  }
  return null;
}

function english(wanted: readonly string[]): Spoken {
  return { texts: en, lang: "en", direction: "ltr", locale: wanted.find((locale) => nameOf(locale) === "en") ?? "en-GB" };
}

/** `de` for `de-AT`; nothing for what is no name of a language. */
function nameOf(locale: string): string {
  try {
    return new Intl.Locale(locale).language;
  } catch {
    return "";
  }
}

/** A text, with its parts. Names are kept apart from the words around them, so that they may be written from the other side. */
export function t<Key extends keyof English>(key: Key, ...[parts]: Parts<Key, string>): string {
  return pieces<string>(key, parts ?? {})
    .map((piece) => (typeof piece === "string" ? piece : isolated(piece.value)))
    .join("");
}

/** A text whose parts may be elements; names become `<bdi>`. */
export function rich<Key extends keyof English>(key: Key, ...[parts]: Parts<Key, ComponentChild>): ComponentChild[] {
  return pieces<ComponentChild>(key, parts ?? {}).map((piece) => {
    if (typeof piece === "string") return piece;
    return typeof piece.value === "string" ? h("bdi", null, piece.value) : piece.value;
  });
}

/** A number as people write it. */
export function number(count: number): string {
  return formats().number.format(count);
}

/** `Ann`, `Ann and Bob`, `Ann, Bob and Cem`. */
export function list(names: string[]): string {
  return formats().list.format(names.map(isolated));
}

/** The words of a text, and its parts between them. */
function pieces<Value>(key: keyof English, parts: Record<string, Value | number>): (string | { value: Value })[] {
  const text = spoken.texts[key];
  const words = typeof text === "string" ? text : (text[formats().plural.select(parts["count"] as number)] ?? text.other);
  return words.split(/\{(\w+)\}/).map((piece, index) => {
    if (index % 2 === 0) return piece;
    const value = parts[piece] as Value | number;
    return typeof value === "number" ? number(value) : { value };
  });
}

const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";
/** Letters that are written from the right, and what turns the direction. */
const TURNS = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u200F\u202A-\u202E\u2066-\u2069]/u;

/** A name between words: where the one could turn the other, it is set apart. */
function isolated(name: string): string {
  return spoken.direction === "rtl" || TURNS.test(name) ? FIRST_STRONG_ISOLATE + name + POP_ISOLATE : name;
}

/** What formats for one locale. */
function make(locale: string) {
  return {
    locale,
    plural: new Intl.PluralRules(locale),
    number: new Intl.NumberFormat(locale),
    collator: new Intl.Collator(locale, { numeric: true }),
    seconds: new Intl.NumberFormat(locale, { style: "unit", unit: "second", unitDisplay: "short" }),
    /** `10 minutes`, `1 hour`, `1 day`: whole ones, of the largest unit that fits. */
    span: (minutes: number) => {
      const [count, unit] = minutes % 1440 === 0 ? [minutes / 1440, "day"] : minutes % 60 === 0 ? [minutes / 60, "hour"] : [minutes, "minute"];
      return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(count);
    },
    list: new Intl.ListFormat(locale, { type: "conjunction" }),
    time: new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }),
    weekday: new Intl.DateTimeFormat(locale, { weekday: "long" }),
    day: new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }),
    dayAndYear: new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" }),
    shortDay: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }),
    exact: new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" }),
  };
}

let made: ReturnType<typeof make> | undefined;

/** What formats in the language that is spoken. */
export function formats(): ReturnType<typeof make> {
  if (made?.locale !== spoken.locale) made = make(spoken.locale);
  return made;
}
