/** Goes to the first message of a day, or of a later one. */
import { useState } from "preact/hooks";
import { codeOf } from "../api.ts";
import { refusal } from "../format.ts";
import { t } from "../language.ts";
import type { OpenRoom } from "../room.ts";
import { beginningOf } from "./since.ts";

export function GoToDate({ room, onGone }: { room: OpenRoom; onGone: () => void }) {
  const [date, setDate] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const at = beginningOf(date);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (at === null || busy) return;
    setBusy(true);
    setProblem("");
    try {
      if (await room.goToTime(at)) return onGone();
      setProblem(t("nothingSince"));
    } catch (error) {
      setProblem(refusal(codeOf(error)));
    }
    setBusy(false);
  };
  return (
    <form class="go-to-date" onSubmit={(event) => void submit(event)}>
      <label for="go-to-date">{t("goToDate")}</label>
      <div class="name-row">
        <input id="go-to-date" type="date" value={date} onInput={(event) => setDate(event.currentTarget.value)} />
        <button type="submit" class="button quiet" disabled={at === null || busy}>
          {t("goThere")}
        </button>
      </div>
      <p class="hint" role="status">
        {problem}
      </p>
    </form>
  );
}
