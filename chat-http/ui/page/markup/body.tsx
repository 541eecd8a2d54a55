/** What a message says: its text with its marks, or as it was written. */
import { useContext } from "preact/hooks";
import { Check, Marks } from "../icons.tsx";
import { t } from "../language.ts";
import { useModel } from "../model.ts";
import { beginning } from "./long.ts";
import { LooksHere } from "./looks.ts";
import { Marked, words } from "./marked.tsx";
import { markup } from "./markup.ts";

interface Props {
  /** The name of its row. */
  id: string;
  text: string;
}

export function Body({ id, text }: Props) {
  const looks = useModel(useContext(LooksHere));
  useModel(markup);
  const { isWhole, isWritten } = looks.of(id);
  const start = beginning(text);
  const shown = isWhole || start === null ? text : start;
  const nodes = isWritten ? null : markup.of(shown);
  const fold = (event: Event): void => {
    tellSize(event, isWhole ? "lower" : "upper");
    looks.set(id, { isWhole: !isWhole });
  };
  return (
    <>
      <div class="text">{nodes === null ? words(shown) : <Marked nodes={nodes} />}</div>
      {start !== null && (
        <button type="button" class="fold" aria-expanded={isWhole} onClick={fold}>
          {isWhole ? t("showLess") : t("showMore")}
        </button>
      )}
    </>
  );
}

/** A row is about to take another height, and this edge of it is to stay where it is. */
export type ResizingEvent = CustomEvent<"upper" | "lower">;

function tellSize(event: Event, stays: "upper" | "lower"): void {
  event.currentTarget?.dispatchEvent(new CustomEvent("resizing", { bubbles: true, detail: stays }));
}

/** Shows a message as it was written, and back; only where that is not the same. */
export function WrittenButton({ id, text }: Props) {
  const looks = useModel(useContext(LooksHere));
  useModel(markup);
  if (markup.of(text) === null) return null;
  const { isWritten } = looks.of(id);
  const toggle = (event: Event): void => {
    tellSize(event, "upper");
    looks.set(id, { isWritten: !isWritten });
  };
  return (
    <button type="button" class="copy written" title={t("asWritten")} aria-label={t("asWritten")} aria-pressed={isWritten} onClick={toggle}>
      {isWritten ? <Check /> : <Marks />}
    </button>
  );
}
