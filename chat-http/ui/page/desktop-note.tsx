/** Asks whether this person wants to be told outside of the page, and, for a room, of what. */
import { useState } from "preact/hooks";
import { codeOf, type Notify } from "./api.ts";
import type { Desktop } from "./desktop.ts";
import { refusal } from "./format.ts";
import { t } from "./language.ts";
import { useModel } from "./model.ts";
import type { Rooms } from "./rooms.ts";
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

const TELLS = [
  ["all", "notifyAll"],
  ["mentions", "notifyMentions"],
  ["none", "notifyNone"],
] as const;

export function NotifyField({ rooms, room }: { rooms: Rooms; room: number }) {
  const [notify, setNotify] = useState(() => rooms.notify(room));
  const [problem, setProblem] = useState("");
  const choose = (chosen: Notify): void => {
    const before = notify;
    setNotify(chosen);
    setProblem("");
    rooms.setNotify(room, chosen).catch((error: unknown) => (setNotify(before), setProblem(refusal(codeOf(error)))));
  };
  return (
    <>
      <label for="room-notify">{t("notifyOf")}</label>
      <select id="room-notify" value={notify} onChange={(event) => choose(event.currentTarget.value as Notify)}>
        {TELLS.map(([value, text]) => (
          <option key={value} value={value}>
            {t(text)}
          </option>
        ))}
      </select>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
