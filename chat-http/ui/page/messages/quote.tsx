/** What a message answers, above it: a way to go there. */
import { useContext } from "preact/hooks";
import type { MessageFields, MessageState } from "../../client/src/index.ts";
import type { Conversation } from "../conversation.ts";
import { t } from "../language.ts";
import { RoomHere } from "../markup/body.tsx";
import { markup } from "../markup/markup.ts";
import { plainText } from "../markup/plain.ts";
import { useModel } from "../model.ts";
import { Name } from "../person.tsx";

/** So much of it is shown. */
const SHOWN = 200;

interface Props {
  /** null: it is not there any more; undefined: that is not known yet. */
  original: MessageState | null | undefined;
  onGo: () => void;
}

export function Quote({ original, onGo }: Props) {
  const room = useContext(RoomHere);
  return (
    <button type="button" class="quote" tabIndex={-1} disabled={!original} title={t("toMessage")} onClick={onGo}>
      {original && <Name id={original.user} name={original.username} />}
      {original && !original.deleted && !original.erased ? (
        <Excerpt text={original.content} fields={original} room={room} />
      ) : (
        <span class="quote-text gone" dir="auto">
          {original === undefined ? "…" : t("originalGone")}
        </span>
      )}
    </button>
  );
}

interface Excerpted {
  text: string;
  fields: MessageFields;
  room: Conversation | null;
}

/** The beginning of what a message says, on one line and without marks. */
export function Excerpt({ text, fields, room }: Excerpted) {
  useModel(markup);
  return (
    <span class="quote-text" dir="auto">
      {plainText(text, fields, room).slice(0, SHOWN).replace(/\s+/g, " ").trim()}
    </span>
  );
}
