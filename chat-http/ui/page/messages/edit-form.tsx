/** Where a message of one's own gets another text, in its place. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { refusal } from "../format.ts";
import { useGrowing } from "../growing.ts";
import { t } from "../language.ts";
import { asSent, isSeen, LONGEST_MESSAGE } from "../seen.ts";
import { characters } from "../text.ts";
import { isToSend } from "../touch.ts";
import type { Editing } from "./actions.ts";

interface Props {
  editing: Editing;
  onChange: (editing: Editing) => void;
  onSave: (editing: Editing) => void;
  onCancel: () => void;
}

export function EditForm({ editing, onChange, onSave, onCancel }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const { text, code } = editing;
  const over = characters(asSent(text)) - LONGEST_MESSAGE;
  const isFine = isSeen(text) && over <= 0;
  useLayoutEffect(() => {
    const box = field.current;
    box?.focus();
    box?.setSelectionRange(box.value.length, box.value.length);
  }, []);
  useGrowing(field, text);
  const save = (): void => {
    if (isFine) onSave({ ...editing, text: asSent(text) });
  };
  const onKey = (event: KeyboardEvent): void => {
    // Keys in the field are none of the list's.
    event.stopPropagation();
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") onCancel();
    if (!isToSend(event)) return;
    event.preventDefault();
    save();
  };
  return (
    <form class="edit-form" onSubmit={(event) => (event.preventDefault(), save())}>
      <textarea ref={field} rows={1} value={text} dir="auto" aria-label={t("editMessage")} aria-invalid={over > 0} onInput={(event) => onChange({ ...editing, text: event.currentTarget.value })} onKeyDown={onKey} />
      <p class="problem" role="alert">
        {code !== "" && refusal(code)}
        {over > 0 && t("charactersOver", { count: over })}
        {text.trim() !== "" && !isSeen(text) && t("nothingSeen")}
      </p>
      <div class="edit-buttons">
        <button type="button" class="button quiet" onClick={onCancel}>
          {t("cancel")}
        </button>
        <button type="submit" class="button" disabled={!isFine}>
          {t("save")}
        </button>
      </div>
    </form>
  );
}
