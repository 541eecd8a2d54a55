/** Asks whether this person wants to be told outside of the page. */
import { useState } from "preact/hooks";
import type { Desktop } from "./desktop.ts";
import { t } from "./language.ts";
import { useModel } from "./model.ts";
import { settings } from "./settings/settings.ts";

export function DesktopQuestion({ desktop }: { desktop: Desktop }) {
  const [withSound, setWithSound] = useState(settings.sound);
  if (!useModel(desktop).asks) return null;
  return (
    <div class="toast" role="status">
      <p>{t("tellOutside")}</p>
      <label class="option">
        <input type="checkbox" checked={withSound} onChange={(event) => setWithSound(event.currentTarget.checked)} />
        <span>{t("withSound")}</span>
      </label>
      <button type="button" class="button quiet" onClick={() => void desktop.answer(false)}>
        {t("notNow")}
      </button>
      <button type="button" class="button" onClick={() => void desktop.answer(true, withSound)}>
        {t("turnOn")}
      </button>
    </div>
  );
}
