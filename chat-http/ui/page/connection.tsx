/** The state of the connection, in plain words; nothing while all is well. */
import { useEffect, useState } from "preact/hooks";
import { Offline } from "./icons.tsx";
import { useModel } from "./model.ts";
import type { Session } from "./session.ts";
import { closed } from "./format.ts";

export function ConnectionNote({ session, onRename }: { session: Session; onRename?: (() => void) | undefined }) {
  const { state, wasOnline } = useModel(session.connection);
  if (state.status === "online" || state.status === "closed") return null;
  if (state.status === "refused") {
    const { title, advice } = closed(state.code);
    return (
      <div class="connection refused" role="alert">
        <Offline />
        <span>
          <strong>{title}.</strong> {advice}
        </span>
        {state.code === 4401 && onRename ? (
          <button type="button" class="link" onClick={onRename}>
            Choose a name
          </button>
        ) : (
          <button type="button" class="link" onClick={() => session.tryNow()}>
            Try again
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
        <span>{wasOnline ? "Connecting again…" : "Connecting…"}</span>
      </div>
    );
  }
  return (
    <div class="connection" role="status">
      <Offline />
      <span>
        {navigator.onLine ? (wasOnline ? "The connection is lost." : "The server cannot be reached.") : "You are offline."} <span class="wide">What you write is kept and sent later.</span>
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
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return (
    <button type="button" class="link" onClick={onNow} title="Try to connect now">
      Try now
      <span aria-hidden="true" class="countdown">
        {seconds > 0 ? `(${seconds} s)` : ""}
      </span>
    </button>
  );
}
