/** What a message says: its text with its marks, or as it was written. */
import { useContext } from "preact/hooks";
import { Check, Marks } from "../icons.tsx";
import { t } from "../language.ts";
import { useModel } from "../model.ts";
import { LooksHere } from "./looks.ts";
import { Marked, words } from "./marked.tsx";
import { markup } from "./markup.ts";

interface Props {
  /** The name of its row. */
  id: string;
  text: string;
}

export function Body({ id, text }: Props) {
  const { isWritten } = useModel(useContext(LooksHere)).of(id);
  useModel(markup);
  const nodes = isWritten ? null : markup.of(text);
  return <div class="text">{nodes === null ? words(text) : <Marked nodes={nodes} />}</div>;
}

/** Shows a message as it was written, and back; only where that is not the same. */
export function WrittenButton({ id, text }: Props) {
  const looks = useModel(useContext(LooksHere));
  useModel(markup);
  if (markup.of(text) === null) return null;
  const { isWritten } = looks.of(id);
  return (
    <button type="button" class="copy written" title={t("asWritten")} aria-label={t("asWritten")} aria-pressed={isWritten} onClick={() => looks.set(id, { isWritten: !isWritten })}>
      {isWritten ? <Check /> : <Marks />}
    </button>
  );
}
