/** The windows about one message: what can be done with it, deleting it, what it said before, who reacted to it, who has read it. */
import { useEffect, useState } from "preact/hooks";
import { codeOf } from "../api.ts";
import type { Conversation } from "../conversation.ts";
import { Dialog } from "../dialogs.tsx";
import { exactTime, refusal } from "../format.ts";
import { t } from "../language.ts";
import { useModel } from "../model.ts";
import { PagedList } from "../paged-list.tsx";
import { usePages } from "../pages.ts";
import { Avatar } from "../person.tsx";
import { asReason, ReasonField } from "../reason.tsx";
import type { Item } from "../timeline.ts";
import type { MessageActions } from "./actions.ts";
import { MessageMenu } from "./menu.tsx";
import { Excerpt } from "./quote.tsx";
import type { MessageWindowProps } from "./window-here.ts";

/** The window of a message that is open. */
export function MessageWindow({ room, actions, window, acts, onAct, onClose }: MessageWindowProps) {
  const { item } = window;
  const { seq } = item;
  switch (window.kind) {
    case "menu":
      return (
        <MessageMenu
          acts={acts}
          mine={item.message?.reactions?.filter(({ mine }) => mine).map(({ reaction }) => reaction) ?? []}
          canReact={!item.deleted}
          anchor={window.anchor}
          onAct={(what) => onAct(what, item, window.near)}
          onReact={(reaction, added) => void actions.react(seq, reaction, added)}
          onClose={onClose}
        />
      );
    case "delete":
      return <DeleteMessageDialog {...{ actions, item, onClose }} />;
    case "edits":
      return <EditsDialog {...{ room, seq, onClose }} />;
    case "readers":
      return <ReadersDialog {...{ room, seq, onClose }} />;
    case "reacted":
      return <ReactedDialog {...{ room, seq, onClose }} />;
  }
}

interface Props {
  actions: MessageActions;
  item: Item;
  onClose: () => void;
}

function DeleteMessageDialog({ actions, item, onClose }: Props) {
  const [reason, setReason] = useState("");
  const isOwn = item.user === actions.room.session.user;
  const why = asReason(reason);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (why === null) return;
    onClose();
    void actions.delete(item.seq, why);
  };
  return (
    <Dialog title={t("deleteMessage")} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{t("deleteMessageHelp")}</p>
        <p class="about-message">
          <Excerpt text={item.text} fields={item.fields} room={actions.room} />
        </p>
        {!isOwn && <ReasonField reason={reason} onChange={setReason} />}
        <footer>
          <button type="button" class="button quiet push" autofocus onClick={onClose}>
            {t("keepIt")}
          </button>
          <button type="submit" class="button danger" disabled={why === null}>
            {t("deleteForAll")}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** What the message said, from the first text to the one of now. */
function EditsDialog({ room, seq, onClose }: { room: Conversation; seq: number; onClose: () => void }) {
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

function ReactedDialog({ room, seq, onClose }: { room: Conversation; seq: number; onClose: () => void }) {
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

function ReadersDialog({ room, seq, onClose }: { room: Conversation; seq: number; onClose: () => void }) {
  const readers = useModel(room).readersOf(seq);
  return (
    <Dialog title={t("readBy")} onClose={onClose}>
      <ul class="lines">
        {readers.map(({ user, username }) => (
          <li key={user}>
            <Avatar id={user} name={username} />
            <span class="line-text">
              <bdi>{username}</bdi>
            </span>
          </li>
        ))}
      </ul>
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
