/** The window with what can be chosen about the page. */
import { Dialog } from "../dialogs.tsx";
import { t } from "../language.ts";
import { useModel } from "../model.ts";
import { NotificationsField } from "./notifications.tsx";
import { nameOfLanguage, OFFERED, settings } from "./settings.ts";
import { ring } from "./sound.ts";
import { THEMES } from "./theme.ts";

const THEME_TEXTS = { system: "asOnDevice", light: "light", dark: "dark" } as const;
const AS_IN_BROWSER = "";

/** Whoever turns it on hears what it is. */
function chooseSound(wanted: boolean): void {
  settings.setSound(wanted);
  if (wanted) ring();
}

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const { theme, language, sound } = useModel(settings);
  return (
    <Dialog title={t("settings")} onClose={onClose}>
      <fieldset class="choices">
        <legend>{t("appearance")}</legend>
        {THEMES.map((each) => (
          <label key={each} class="option">
            <input type="radio" name="theme" checked={theme === each} onChange={() => settings.setTheme(each)} />
            <span>{t(THEME_TEXTS[each])}</span>
          </label>
        ))}
      </fieldset>
      <label for="page-language">{t("pageLanguage")}</label>
      <select id="page-language" value={language ?? AS_IN_BROWSER} onChange={(event) => settings.setLanguage(event.currentTarget.value || null)}>
        <option value={AS_IN_BROWSER}>{t("asInBrowser")}</option>
        {OFFERED.map((each) => (
          <option key={each} value={each} lang={each}>
            {nameOfLanguage(each)}
          </option>
        ))}
      </select>
      <NotificationsField />
      <fieldset class="choices">
        <legend>{t("sound")}</legend>
        <label class="option">
          <input type="checkbox" checked={sound} onChange={(event) => chooseSound(event.currentTarget.checked)} />
          <span>{t("soundHelp")}</span>
        </label>
      </fieldset>
    </Dialog>
  );
}
