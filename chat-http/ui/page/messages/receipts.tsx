/** Who has read one's own message: a few faces at its lower edge, or a word in a room of two. It takes no place in the row. */
import type { Identity } from "../../client/src/index.ts";
import { number, t } from "../language.ts";
import { Avatar } from "../person.tsx";

const FACES = 3;

interface Props {
  readers: readonly Identity[];
  /** In a room of two it is clear who has read it. */
  isDirect: boolean;
  onOpen: () => void;
}

export function ReadBy({ readers, isDirect, onOpen }: Props) {
  if (isDirect) {
    return (
      <div class="read-by">
        <span class="read-word">{t("read")}</span>
      </div>
    );
  }
  const more = readers.length - FACES;
  return (
    <div class="read-by">
      <button type="button" aria-label={t("readByCount", { count: readers.length })} title={t("readBy")} onClick={onOpen}>
        {readers.slice(0, FACES).map(({ user, username }) => (
          <Avatar key={user} id={user} name={username} small />
        ))}
        {more > 0 && <span class="read-more">+{number(more)}</span>}
      </button>
    </div>
  );
}
