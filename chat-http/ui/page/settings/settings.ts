/** What a person has chosen about the page in this browser, and how it takes effect. */
import { LANGUAGES } from "../language.ts";
import { Model } from "../model.ts";
import { remember, remembered } from "../storage.ts";
import { asTheme, chosenTheme, THEME, useTheme, type Theme } from "./theme.ts";

const LANGUAGE = "chat.language";
const SOUND = "chat.sound";
const DECLINED = "chat.notifications.declined";

/** The names of the languages that there are. */
export const OFFERED: readonly string[] = ["en", ...Object.keys(LANGUAGES)];

export class Settings extends Model {
  get theme(): Theme {
    return chosenTheme();
  }

  /** Null: as in the browser. */
  get language(): string | null {
    const chosen = remembered<unknown>("local", LANGUAGE, null);
    return typeof chosen === "string" && OFFERED.includes(chosen) ? chosen : null;
  }

  /** Whether what is told is heard, too. */
  get sound(): boolean {
    return remembered<unknown>("local", SOUND, false) === true;
  }

  /** Whether somebody wants no notifications. */
  get declined(): boolean {
    return remembered<unknown>("local", DECLINED, false) === true;
  }

  setTheme(theme: Theme): void {
    remember("local", THEME, asTheme(theme) === "system" ? null : theme);
    useTheme(theme);
    this.changed();
  }

  setLanguage(language: string | null): void {
    remember("local", LANGUAGE, language);
    this.changed();
  }

  setSound(sound: boolean): void {
    remember("local", SOUND, sound || null);
    this.changed();
  }

  setDeclined(declined: boolean): void {
    remember("local", DECLINED, declined || null);
    this.changed();
  }

  /** Follows what is chosen in other tabs. */
  follow(): void {
    addEventListener("storage", ({ key }) => {
      if (key !== null && ![THEME, LANGUAGE, SOUND, DECLINED].includes(key)) return;
      useTheme(chosenTheme());
      this.changed();
    });
  }
}

/** The settings of this browser. */
export const settings = new Settings();

/** The languages to try, the best first: the one that was chosen, as it is used where the person lives, before the browser's. */
export function wantedLanguages(chosen: string | null, browser: readonly string[]): readonly string[] {
  if (chosen === null) return browser;
  const local = browser.find((locale) => locale === chosen || locale.startsWith(`${chosen}-`));
  return [local ?? chosen, ...browser];
}

/** What a language calls itself. */
export function nameOfLanguage(language: string): string {
  const name = new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
  const [first = "", ...rest] = name;
  return first.toLocaleUpperCase(language) + rest.join("");
}
