/** The reactions below a message: how many people have each, and whether one has oneself. */
import type { ReactionCount } from "../../client/src/index.ts";
import { number, t } from "../language.ts";

interface Props {
  reactions: readonly ReactionCount[];
  onReact: (reaction: string, added: boolean) => void;
}

export function Reactions({ reactions, onReact }: Props) {
  return (
    <div class="reactions" role="group" aria-label={t("reactions")}>
      {reactions.map(({ reaction, count, mine }) => (
        <button type="button" key={reaction} class="reaction" aria-pressed={mine} onClick={() => onReact(reaction, !mine)}>
          <bdi>{reaction}</bdi>
          <span>{number(count)}</span>
        </button>
      ))}
    </div>
  );
}
