/** What is offered over a message that is pointed at. */
import { Answer, More, Smile } from "../icons.tsx";
import { t } from "../language.ts";

interface Props {
  onMenu: () => void;
  onAnswer: () => void;
}

/** With the keyboard, the menu has the same. */
export function Tools({ onMenu, onAnswer }: Props) {
  return (
    <div class="tools">
      <button type="button" tabIndex={-1} title={t("react")} aria-label={t("react")} onClick={onMenu}>
        <Smile />
      </button>
      <button type="button" tabIndex={-1} title={t("answer")} aria-label={t("answer")} onClick={onAnswer}>
        <Answer />
      </button>
      <button type="button" tabIndex={-1} title={t("moreActions")} aria-label={t("moreActions")} onClick={onMenu}>
        <More />
      </button>
    </div>
  );
}
