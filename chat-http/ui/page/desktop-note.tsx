/** Asks whether this person wants to be told outside of the page, and, for a room, of what. */
import { useEffect, useState } from "preact/hooks";
import { codeOf, type Notify, type Room } from "./api.ts";
import type { Desktop } from "./desktop.ts";
import { refusal } from "./format.ts";
import { t } from "./language.ts";
import { useModel } from "./model.ts";

export function DesktopQuestion({ desktop }: { desktop: Desktop }) {
  if (!useModel(desktop).asks) return null;
  return (
    <div class="toast" role="status">
      <p>{t("tellOutside")}</p>
      <button type="button" class="button quiet" onClick={() => void desktop.answer(false)}>
        {t("notNow")}
      </button>
      <button type="button" class="button" onClick={() => void desktop.answer(true)}>
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

export function NotifyField({ desktop, room }: { desktop: Desktop; room: Room }) {
  const [notify, setNotify] = useState<Notify | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => void desktop.notify(room.id).then(setNotify), [room.id]);
  const choose = (chosen: Notify): void => {
    const before = notify;
    setNotify(chosen);
    setProblem("");
    desktop.setNotify(room, chosen).catch((error: unknown) => (setNotify(before), setProblem(refusal(codeOf(error)))));
  };
  return (
    <>
      <label for="room-notify">{t("notifyOf")}</label>
      <select id="room-notify" value={notify ?? "all"} disabled={notify === null} onChange={(event) => choose(event.currentTarget.value as Notify)}>
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
