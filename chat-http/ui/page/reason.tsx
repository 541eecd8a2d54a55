/** Why something is done: for those who read of it, and for nobody who has nothing to say. */
import { t } from "./language.ts";
import { over } from "./seen.ts";

/** No longer reason is taken. */
const LONGEST = 500;

/** A reason as it is sent, or null if it cannot be one. */
export function asReason(written: string): string | null {
  return over(written, LONGEST) > 0 ? null : written.trim();
}

export function ReasonField({ reason, onChange }: { reason: string; onChange: (reason: string) => void }) {
  return (
    <>
      <label for="reason">
        {t("reason")} <span class="hint">{t("optional")}</span>
      </label>
      <input id="reason" value={reason} autocomplete="off" aria-invalid={asReason(reason) === null} aria-describedby="reason-length" onInput={(event) => onChange(event.currentTarget.value)} />
      <TooLong id="reason-length" text={reason} longest={LONGEST} />
    </>
  );
}

/** Says by how much a text is too long. */
export function TooLong({ id, text, longest }: { id: string; text: string; longest: number }) {
  const count = over(text, longest);
  return (
    <p id={id} class="length bad" role="status">
      {count > 0 && t("charactersOver", { count })}
    </p>
  );
}
