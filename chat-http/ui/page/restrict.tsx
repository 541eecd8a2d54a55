/** Removes, mutes or bans somebody: for how long, and why. */
import { useState } from "preact/hooks";
import type { Identity } from "../client/src/index.ts";
import { useAttempt } from "./attempt.ts";
import { serverNow } from "./clock.ts";
import { Dialog } from "./dialogs.tsx";
import { formats, t } from "./language.ts";
import type { Membership } from "./membership.ts";
import { asReason, ReasonField } from "./reason.tsx";

export type Restraint = "mute" | "remove" | "ban";

const MINUTE_MS = 60_000;
/** For how long; null: for good. */
const SPANS = [10 * MINUTE_MS, 60 * MINUTE_MS, 24 * 60 * MINUTE_MS, null];
const TITLES = { mute: "muteQuestion", remove: "removeQuestion", ban: "banQuestion" } as const;
const HELP = { mute: "muteHelp", remove: "removeHelp", ban: "banHelp" } as const;

export function RestrictForm({ restraint, person, membership, onClose }: { restraint: Restraint; person: Identity; membership: Membership; onClose: () => void }) {
  const [span, setSpan] = useState<number | null>(SPANS[1] ?? null);
  const [reason, setReason] = useState("");
  const { busy, problem, attempt } = useAttempt();
  const { session, id } = membership.room;
  const why = asReason(reason);
  const restrain = (why: string): Promise<unknown> => {
    if (restraint === "remove") return session.api.removeMember(id, person.user, why);
    const until = span === null ? {} : { until: new Date(serverNow() + span).toISOString() };
    return session.api.restrict(id, restraint === "ban" ? "bans" : "mutes", person.user, { ...until, ...(why && { reason: why }) });
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (why !== null) void attempt(() => restrain(why), onClose);
  };
  return (
    <Dialog title={t(TITLES[restraint], { whom: person.username })} onClose={onClose}>
      <form onSubmit={submit}>
        <p class="hint">{t(HELP[restraint])}</p>
        {restraint !== "remove" && (
          <fieldset class="choices in-a-row">
            <legend>{t("howLong")}</legend>
            {SPANS.map((each) => (
              <label key={each} class="option">
                <input type="radio" name="span" checked={span === each} onChange={() => setSpan(each)} />
                <span>{spanName(each)}</span>
              </label>
            ))}
          </fieldset>
        )}
        <ReasonField reason={reason} onChange={setReason} />
        <p class="problem" role="alert">
          {problem}
        </p>
        <footer>
          <button type="button" class="button quiet push" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button danger" disabled={busy || why === null}>
            {t(restraint)}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** `10 minutes`, `1 hour`, `1 day`, or for good. */
export function spanName(span: number | null): string {
  return span === null ? t("forGood") : formats().span(span / MINUTE_MS);
}
