/** The windows about one message: deleting it, what it said before, who reacted to it. */
import { useEffect, useState } from "preact/hooks";
import { codeOf } from "../api.ts";
import type { Conversation } from "../conversation.ts";
import { Dialog } from "../dialogs.tsx";
import { exactTime, refusal } from "../format.ts";
import { t } from "../language.ts";
import { PagedList } from "../paged-list.tsx";
import { usePages } from "../pages.ts";
import { Avatar } from "../person.tsx";
import type { Item } from "../timeline.ts";
import type { MessageActions } from "./actions.ts";
import { Excerpt } from "./quote.tsx";

interface Props {
  actions: MessageActions;
  item: Item;
  onClose: () => void;
}

/** No longer reason is taken. */
const LONGEST_REASON = 500;

export function DeleteMessageDialog({ actions, item, onClose }: Props) {
  const [reason, setReason] = useState("");
  const isOwn = item.user === actions.room.session.user;
  const submit = (event: Event): void => {
    event.preventDefault();
    onClose();
    void actions.delete(item.seq, isOwn ? "" : reason.trim());
  };
  return (
    <Dialog title={t("deleteMessage")} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{t("deleteMessageHelp")}</p>
        <p class="about-message">
          <Excerpt text={item.text} fields={item.fields} room={actions.room} />
        </p>
        {!isOwn && (
          <>
            <label for="delete-reason">
              {t("reason")} <span class="hint">{t("optional")}</span>
            </label>
            <input id="delete-reason" value={reason} maxLength={LONGEST_REASON} autocomplete="off" onInput={(event) => setReason(event.currentTarget.value)} />
          </>
        )}
        <footer>
          <button type="button" class="button quiet push" autofocus onClick={onClose}>
            {t("keepIt")}
          </button>
          <button type="submit" class="button danger">
            {t("deleteForAll")}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** What the message said, from the first text to the one of now. */
export function EditsDialog({ room, seq, onClose }: { room: Conversation; seq: number; onClose: () => void }) {
  const [code, setCode] = useState("");
  const [edits, setEdits] = useState<{ seq: number; content: string; timestamp: string }[]>([]);
  useEffect(() => {
    room.session.api.edits(room.id, seq).then(setEdits, (error: unknown) => setCode(codeOf(error)));
  }, []);
  return (
    <Dialog title={t("showEdits")} onClose={onClose}>
      <ol class="lines edits">
        {edits.map((edit) => (
          <li key={edit.seq}>
            <time class="hint" dateTime={edit.timestamp}>
              {exactTime(Date.parse(edit.timestamp))}
            </time>
            <span class="edit-text" dir="auto">
              {edit.content}
            </span>
          </li>
        ))}
      </ol>
      <p class="problem" role="alert">
        {code !== "" && refusal(code)}
      </p>
    </Dialog>
  );
}

export function ReactedDialog({ room, seq, onClose }: { room: Conversation; seq: number; onClose: () => void }) {
  const pages = usePages((after) => room.session.api.reactions(room.id, seq, after));
  return (
    <Dialog title={t("whoReacted")} onClose={onClose}>
      <PagedList
        pages={pages}
        none={t("nobodyReacted")}
        render={({ user, username, reaction }) => (
          <li key={`${user} ${reaction}`}>
            <Avatar id={user} name={username} />
            <span class="line-text">
              <bdi>{username}</bdi>
            </span>
            <bdi class="reacted-with">{reaction}</bdi>
          </li>
        )}
      />
    </Dialog>
  );
}

/** The messages that are pinned in a room; each leads to where it stands. */
export function PinsDialog({ room, onGo, onClose }: { room: Conversation; onGo: (seq: number) => void; onClose: () => void }) {
  const pages = usePages(async () => ({ items: await room.session.api.pins(room.id), next: null }));
  return (
    <Dialog title={t("pins")} onClose={onClose}>
      <PagedList
        pages={pages}
        none={t("noPins")}
        render={(message) => (
          <li key={message.seq}>
            <button type="button" class="menu-item" onClick={() => (onClose(), onGo(message.seq))}>
              <Avatar id={message.user} name={message.username} />
              <span class="line-text">
                <span class="hint">
                  <bdi>{message.username}</bdi> · <time dateTime={message.timestamp}>{exactTime(Date.parse(message.timestamp))}</time>
                </span>
                <Excerpt text={message.content} fields={message} room={room} />
              </span>
            </button>
          </li>
        )}
      />
    </Dialog>
  );
}
