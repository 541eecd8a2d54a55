/** Of what one is told, for each room. */
import { useState } from "preact/hooks";
import { codeOf, type Notify } from "./api.ts";
import { refusal } from "./format.ts";
import { t } from "./language.ts";
import type { Rooms } from "./rooms.ts";

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
