/** Light, dark, or as the device is. `first.js` applies it before anything is painted: so it knows nothing of the rest. */
import { remembered } from "../storage.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const THEME = "chat.theme";

export function asTheme(stored: unknown): Theme {
  return THEMES.find((theme) => theme === stored) ?? "system";
}

export function chosenTheme(): Theme {
  return asTheme(remembered<unknown>("local", THEME, null));
}

/** Has the page look like this: the tokens of its style follow `color-scheme`, and the browser's own bars follow the page. */
export function useTheme(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
  for (const bar of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const { theme: own } = bar.dataset;
    bar.media = theme === "system" ? `(prefers-color-scheme: ${own})` : own === theme ? "all" : "not all";
  }
}
