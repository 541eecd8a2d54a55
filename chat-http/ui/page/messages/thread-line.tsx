/** How many answers a message has in its thread: in the room a way to open it, in the thread the line above them. */
import { exactTime, lately } from "../format.ts";
import { Thread } from "../icons.tsx";
import { t } from "../language.ts";

interface Props {
  count: number;
  /** When the last of them came, if that is known. */
  last: string | undefined;
  onOpen: () => void;
}

export function ThreadLine({ count, last, onOpen }: Props) {
  const at = last === undefined ? null : Date.parse(last);
  return (
    <button type="button" class="thread-line" onClick={onOpen}>
      <Thread />
      <span>{t("threadAnswers", { count })}</span>
      {at !== null && (
        <time class="hint" dateTime={last} title={exactTime(at)}>
          {t("threadLast", { when: lately(at) })}
        </time>
      )}
    </button>
  );
}

export function AnswersBelow({ count }: { count: number }) {
  return <div class="answers-below">{count > 0 ? t("threadAnswers", { count }) : t("noAnswers")}</div>;
}
