/** What a message answers, above it: a way to go there. */
import type { MessageState } from "../../client/src/index.ts";
import { t } from "../language.ts";
import { Name } from "../person.tsx";

/** So much of it is shown. */
const SHOWN = 200;

interface Props {
  /** null: it is not there any more; undefined: that is not known yet. */
  original: MessageState | null | undefined;
  onGo: () => void;
}

export function Quote({ original, onGo }: Props) {
  const text = original === undefined ? "…" : original === null || original.deleted || original.erased ? t("originalGone") : excerpt(original.content);
  return (
    <button type="button" class="quote" tabIndex={-1} disabled={!original} title={t("toMessage")} onClick={onGo}>
      {original && <Name id={original.user} name={original.username} />}
      <span class={original && !original.deleted ? "quote-text" : "quote-text gone"} dir="auto">
        {text}
      </span>
    </button>
  );
}

/** The beginning of a text, on one line. */
export function excerpt(text: string): string {
  return text.slice(0, SHOWN).replace(/\s+/g, " ").trim();
}
