/** What a message says: its text with its marks and mentions, or as it was written. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Conversation } from "../conversation.ts";
import { t } from "../language.ts";
import { Model, useModel } from "../model.ts";
import type { Item } from "../timeline.ts";
import { beginning } from "./long.ts";
import { LooksHere } from "./looks.ts";
import { Marked } from "./marked.tsx";
import { markup } from "./markup.ts";
import { spotted, type Spotted } from "./spots.ts";

/** The room or thread around. */
export const RoomHere = createContext<Conversation | null>(null);
const STILL = new Model();

interface Props {
  item: Item;
}

export function Body({ item }: Props) {
  const looks = useModel(useContext(LooksHere));
  const { text, spots } = useSpotted(item);
  useModel(markup);
  const { isWhole, isWritten } = looks.of(item.id);
  const start = beginning(text);
  const shown = isWhole || start === null ? text : start;
  const nodes = isWritten ? null : markup.of(shown);
  const isForMe = useContext(RoomHere)?.mentionsMe(item) === true;
  const fold = (event: Event): void => {
    tellSize(event.currentTarget, isWhole ? "lower" : "upper");
    looks.set(item.id, { isWhole: !isWhole });
  };
  return (
    <>
      {isForMe && <span class="sr-only">{t("mentionsYou")}</span>}
      <div class={isForMe ? "text for-me" : "text"}>
        <Marked nodes={nodes ?? [shown]} spots={spots} />
      </div>
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

export function tellSize(within: EventTarget | null, stays: "upper" | "lower"): void {
  within?.dispatchEvent(new CustomEvent("resizing", { bubbles: true, detail: stays }));
}

/** The text with its mentions. Names become known while the room is open, so those rows follow it. */
function useSpotted({ text, fields }: Item): Spotted {
  const room = useContext(RoomHere);
  const hasMentions = room !== null && (fields.mentions !== undefined || fields.mentions_room === true);
  useModel(hasMentions ? room : STILL);
  return hasMentions ? spotted(text, fields, room.session.user, (user) => room.namesOf(user)) : { text, spots: [] };
}
