/** Going to a room or to somebody by the first letters of a name, with keys alone. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Identity } from "../client/src/index.ts";
import { codeOf } from "./api.ts";
import { Dialog } from "./dialogs.tsx";
import { refusal } from "./format.ts";
import { useFound } from "./found.ts";
import { t } from "./language.ts";
import { choices, type Choice } from "./choices.ts";
import { Avatar } from "./person.tsx";
import type { Rooms } from "./rooms.ts";
import type { Session } from "./session.ts";
import { RoomName, Sign } from "./title.tsx";

interface Props {
  session: Session;
  rooms: Rooms;
  /** Whom this page knows. */
  people: Identity[];
  onRoom: (room: number) => void;
  onClose: () => void;
}

export function Switcher({ session, rooms, people, onRoom, onClose }: Props) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const [problem, setProblem] = useState("");
  const more = useFound(query.trim() || null, async (q) => (await session.api.rooms({ q, limit: 20 })).rooms);
  const all = useMemo(() => choices(query, [...rooms.list, ...more], people), [query, more]);
  const chosen = Math.min(at, all.length - 1);
  const take = async (choice: Choice | undefined): Promise<void> => {
    if (!choice) return;
    try {
      onRoom(choice.kind === "room" ? choice.room.id : (await session.api.direct(choice.person.user, choice.person.username)).id);
      onClose();
    } catch (error) {
      setProblem(refusal(codeOf(error)));
    }
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && all.length > 0) setAt((chosen + step + all.length) % all.length);
    else if (event.key === "Enter") void take(all[chosen]);
    else return;
    event.preventDefault();
  };
  useEffect(() => document.getElementById(`choice-${chosen}`)?.scrollIntoView({ block: "nearest" }), [chosen]);
  return (
    <Dialog title={t("goTo")} onClose={onClose}>
      <input
        class="search-field"
        type="text"
        role="combobox"
        aria-expanded={all.length > 0}
        aria-controls="choices"
        aria-activedescendant={all.length > 0 ? `choice-${chosen}` : undefined}
        aria-autocomplete="list"
        aria-label={t("roomOrPerson")}
        placeholder={t("roomOrPerson")}
        autofocus
        autocomplete="off"
        value={query}
        onInput={(event) => (setQuery(event.currentTarget.value), setAt(0), setProblem(""))}
        onKeyDown={onKey}
      />
      <div id="choices" class="menu" role="listbox" aria-label={t("roomOrPerson")}>
        {all.map((choice, index) => (
          <div key={choice.id} id={`choice-${index}`} role="option" class={index === chosen ? "menu-item chosen" : "menu-item"} aria-selected={index === chosen} onPointerMove={() => setAt(index)} onClick={() => void take(choice)}>
            <Entry choice={choice} />
          </div>
        ))}
      </div>
      <p class="hint" role="status">
        {all.length === 0 && t("nothingFound")}
      </p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

function Entry({ choice }: { choice: Choice }) {
  if (choice.kind === "room") {
    return (
      <>
        <Sign room={choice.room} />
        <span class="choice-name">
          <RoomName room={choice.room} />
        </span>
      </>
    );
  }
  return (
    <>
      <Avatar id={choice.person.user} name={choice.person.username} />
      <span class="choice-name">
        <bdi>{choice.person.username}</bdi>
      </span>
    </>
  );
}
