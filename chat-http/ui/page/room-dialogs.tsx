/** A new room, a room's name and topic, deleting it. */
import { useState } from "preact/hooks";
import { ApiError, codeOf, refusedBy, type InvitedBy, type Room, type RoomKind } from "./api.ts";
import { Dialog } from "./dialogs.tsx";
import { refusal } from "./format.ts";
import { Trash } from "./icons.tsx";
import { rich, t } from "./language.ts";
import type { Rooms } from "./rooms.ts";
import { changesOf } from "./room-changes.ts";
import { asName, asTopic } from "./seen.ts";

interface RoomDialogProps {
  rooms: Rooms;
  room?: Room | undefined;
  /** Whether this person may say who sees the room, and who brings others in. */
  mayChangeKind: boolean;
  /** What was searched for and not found. */
  suggestion?: string;
  onClose: () => void;
  onMade?: (room: Room) => void;
  onDelete?: (() => void) | undefined;
}

/** Makes a room. */
export function RoomDialog(props: RoomDialogProps) {
  return (
    <Dialog title={t("aNewRoom")} onClose={props.onClose}>
      <RoomForm {...props} />
    </Dialog>
  );
}

/** Makes a room, or changes one. */
export function RoomForm({ rooms, room, suggestion = "", mayChangeKind, onClose, onMade, onDelete }: RoomDialogProps) {
  const [kind, setKind] = useState(room?.kind === "private" ? ("private" as const) : ("public" as const));
  const [invites, setInvites] = useState(room?.invites ?? "members");
  const [name, setName] = useState(room?.name ?? suggestion);
  const [topic, setTopic] = useState(room?.topic ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const [wanted, about] = [asName(name, 100), asTopic(topic)];
    if (wanted === null || about === null) return setError(new ApiError("invalid_field", wanted === null ? "name" : "topic"));
    setBusy(true);
    setError(null);
    try {
      const draft = { name: wanted, topic: about, ...(mayChangeKind && { kind, invites }) };
      const changes = room && changesOf(room, draft);
      if (room && changes) await rooms.update(room.id, changes);
      else if (!room) onMade?.(await rooms.create(draft));
      onClose();
    } catch (problem) {
      setError(refusedBy(problem));
      setBusy(false);
    }
  };
  const taken = error?.code === "name_taken" ? error.room : undefined;
  const onName = error !== null && (error.field === "name" || error.code === "name_taken");
  return (
    <form onSubmit={save}>
      <label for="room-name">{t("roomName")}</label>
      <input id="room-name" value={name} required autofocus autocomplete="off" placeholder={t("roomNameExample")} aria-invalid={onName} aria-describedby="room-problem" onInput={(event) => setName(event.currentTarget.value)} />
      <label for="room-topic">
        {t("topic")} <span class="hint">{t("optional")}</span>
      </label>
      <textarea id="room-topic" value={topic} rows={2} placeholder={t("topicExample")} dir={topic === "" ? undefined : "auto"} onInput={(event) => setTopic(event.currentTarget.value)} />
      {mayChangeKind && <KindField {...{ kind, invites, setKind, setInvites }} />}
      <p id="room-problem" class="problem" role="alert">
        {error && refusal(error.code, error.field)}{" "}
        {taken && onMade && (
          <button type="button" class="link" onClick={() => (onMade(taken), onClose())}>
            {t("goThere")}
          </button>
        )}
      </p>
      <footer>
        {room && onDelete && (
          <button type="button" class="button danger quiet" onClick={onDelete}>
            <Trash /> {t("delete")}
          </button>
        )}
        <button type="button" class="button quiet push" onClick={onClose}>
          {t("cancel")}
        </button>
        <button type="submit" class="button" disabled={busy || name.trim() === ""}>
          {room ? t("save") : t("createRoom")}
        </button>
      </footer>
    </form>
  );
}

interface KindFieldProps {
  kind: RoomKind;
  invites: InvitedBy;
  setKind: (kind: RoomKind) => void;
  setInvites: (invites: InvitedBy) => void;
}

/** Who sees the room, and who brings others in. */
function KindField({ kind, invites, setKind, setInvites }: KindFieldProps) {
  const kinds = [
    ["public", t("publicRoom"), t("publicHelp")],
    ["private", t("privateRoom"), t("privateHelp")],
  ] as const;
  return (
    <>
      <fieldset class="choices">
        <legend>{t("whoSees")}</legend>
        {kinds.map(([each, title, help]) => (
          <label key={each} class="option">
            <input type="radio" name="room-kind" checked={kind === each} onChange={() => setKind(each)} />
            <span>
              {title}
              <span class="hint">{help}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <label class="option">
        <input type="checkbox" checked={invites === "moderators"} onChange={(event) => setInvites(event.currentTarget.checked ? "moderators" : "members")} />
        <span>{t("moderatorsBring")}</span>
      </label>
    </>
  );
}

export function DeleteDialog({ rooms, room, onClose, onDeleted }: { rooms: Rooms; room: Room; onClose: () => void; onDeleted: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const remove = async (): Promise<void> => {
    setBusy(true);
    try {
      await rooms.delete(room.id);
      onDeleted();
      onClose();
    } catch (error) {
      setProblem(refusal(codeOf(error)));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("deleteQuestion")} onClose={onClose}>
      <p>
        {rich("deleteWarning", {
          room: (
            <strong>
              <bdi>{room.name}</bdi>
            </strong>
          ),
        })}
      </p>
      <p class="problem" role="alert">
        {problem}
      </p>
      <footer>
        <button type="button" class="button quiet push" autofocus onClick={onClose}>
          {t("keepIt")}
        </button>
        <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>
          {t("deleteForAll")}
        </button>
      </footer>
    </Dialog>
  );
}
