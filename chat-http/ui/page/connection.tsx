/** The state of the connection, in plain words; nothing while all is well. */
import { useEffect, useState } from "preact/hooks";
import { Offline } from "./icons.tsx";
import { useModel } from "./model.ts";
import type { Session } from "./session.ts";
import { closed, seconds } from "./format.ts";
import { t } from "./language.ts";

export function ConnectionNote({ session, onRename }: { session: Session; onRename?: (() => void) | undefined }) {
  const { state, wasOnline } = useModel(session.connection);
  if (state.status === "online" || state.status === "closed") return null;
  if (state.status === "refused") {
    const { title, advice } = closed(state.code);
    return (
      <div class="connection refused" role="alert">
        <Offline />
        <span>
          <strong>{title}</strong> {advice}
        </span>
        {state.code === 4401 && onRename ? (
          <button type="button" class="link" onClick={onRename}>
            {t("chooseName")}
          </button>
        ) : (
          <button type="button" class="link" onClick={() => session.tryNow()}>
            {t("tryAgain")}
          </button>
        )}
      </div>
    );
  }
  // A first connection that is quick is not worth a word: the note takes a moment to appear.
  if (state.attempt === 0) {
    return (
      <div class="connection late" role="status">
        <span class="spinner" />
        <span>{wasOnline ? t("connectingAgain") : t("connecting")}</span>
      </div>
    );
  }
  return (
    <div class="connection" role="status">
      <Offline />
      <span>
        {navigator.onLine ? (wasOnline ? t("connectionLost") : t("serverAway")) : t("youAreOffline")} <span class="wide">{t("sentLater")}</span>
      </span>
      {state.status === "waiting" ? <Countdown until={state.retryAt} onNow={() => session.tryNow()} /> : <span class="spinner" />}
    </div>
  );
}

function Countdown({ until, onNow }: { until: number; onNow: () => void }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  return (
    <button type="button" class="link" onClick={onNow} title={t("tryNowHint")}>
      {t("tryNow")}
      <span aria-hidden="true" class="countdown">
        {left > 0 ? `(${seconds(left)})` : ""}
      </span>
    </button>
  );
}
