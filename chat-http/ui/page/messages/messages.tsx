/** The messages of a room or a thread, with what can be done with each. */
import type { ComponentChildren } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import type { Identity } from "../../client/src/index.ts";
import type { Conversation } from "../conversation.ts";
import { copyText } from "../copy.ts";
import { draftOf } from "../drafts.ts";
import { useLatest } from "../latest.ts";
import { MessageList } from "../list.tsx";
import { RoomHere, tellSize } from "../markup/body.tsx";
import { Looks, LooksHere } from "../markup/looks.ts";
import { markup } from "../markup/markup.ts";
import { useModel } from "../model.ts";
import type { Role } from "../room-rights.ts";
import type { Item } from "../timeline.ts";
import type { MessageActions } from "./actions.ts";
import { actsOn, type MessageAct } from "./acts.ts";
import { MessageWindowHere, type OpenWindow } from "./window-here.ts";

/** So long a message is marked that a link has led to. */
const MARKED_MS = 3_000;

interface Props {
  room: Conversation;
  actions: MessageActions;
  /** What one is in the room; null for those who are no members. */
  role: Role | null;
  label: string;
  handle: { current: MessageList | null };
  top: ComponentChildren;
  /** Shows who somebody is. */
  onPerson: ((person: Identity) => void) | undefined;
  /** Back to where one writes. */
  onWrite: () => void;
  /** Opens the thread of a message; in a thread there is none. */
  onThread?: (root: number) => void;
  /** What Escape does in the list, if it is not to go back to where one writes. */
  onEscape?: () => void;
}

export function Messages({ room, actions, role, label, handle, top, onPerson, onWrite, onThread, onEscape = onWrite }: Props) {
  const { session, info, id, thread, target } = room;
  useModel(actions);
  const looks = useMemo(() => new Looks(), [room]);
  const [window, setWindow] = useState<OpenWindow | null>(null);
  const MessageWindow = useContext(MessageWindowHere);
  const close = (): void => setWindow(null);
  useEffect(() => {
    if (target === null) return;
    const timer = setTimeout(() => room.reached(target), MARKED_MS);
    return () => clearTimeout(timer);
  }, [target]);

  const offered = (item: Item): MessageAct[] => {
    if (!item.message || !info) return [];
    const marks = markup.of(item.text) === null ? {} : { shown: looks.of(item.id).isWritten ? ("written" as const) : ("formatted" as const) };
    const { reply_to } = item.fields;
    const hasAnswered = reply_to !== undefined && Boolean(room.original(reply_to));
    return actsOn(item.message, { me: session.user, room: info, role, hasAnswered, ...marks }).filter((act) => (act !== "person" || onPerson) && (act !== "thread" || onThread));
  };
  const act = (what: MessageAct, item: Item, near: HTMLElement): void => {
    switch (what) {
      case "answer":
        actions.answer(item);
        return onWrite();
      case "thread":
        return onThread?.(item.seq);
      case "answered":
        return void (item.fields.reply_to !== undefined && room.goTo(item.fields.reply_to));
      case "edit":
        return actions.edit({ seq: item.seq, text: item.text, code: "" });
      case "copy":
        return void copyText(item.text, near);
      case "written":
      case "formatted":
        tellSize(near, "upper");
        return looks.set(item.id, { isWritten: what === "written" });
      case "link":
        return void copyText(new URL(`#/rooms/${id}/${item.seq}`, session.api.base).href, near);
      case "pin":
      case "unpin":
        return void actions.pin(item.seq, what === "pin");
      case "person":
        return onPerson?.({ user: item.user, username: item.username });
      case "reacted":
      case "edits":
      case "delete":
        return setWindow({ kind: what, item });
    }
  };
  const menu = (item: Item, near: HTMLElement): void => {
    if (offered(item).length > 0) setWindow({ kind: "menu", item, near, anchor: near.getBoundingClientRect() });
  };
  // Rows are drawn again for what they show alone.
  const onRows = useLatest({
    onGo: (seq: number) => void room.goTo(seq),
    onMenu: menu,
    onReaders: (item: Item) => setWindow({ kind: "readers", item }),
    onAct: (what: MessageAct, item: Item, near: HTMLElement) => offered(item).includes(what) && act(what, item, near),
    onRetry: (draft: string) => session.outbox.retry(draft),
    onDiscard: (draft: string) => (session.drafts.putBack(draftOf(id, thread), session.outbox.discard(draft)), onWrite()),
  });
  return (
    <>
      <RoomHere.Provider value={room}>
        <LooksHere.Provider value={looks}>
          <MessageList
            key={`${id} ${thread}`}
            handle={handle}
            label={label}
            timeline={room.timeline}
            drafts={session.outbox.of(id, thread)}
            me={session.user}
            readTo={room.readTo}
            newCount={room.newCount}
            unseen={room.unseen}
            place={room.place}
            target={target}
            actions={actions}
            version={room.version + session.outbox.version + actions.version}
            top={top}
            original={(seq) => room.original(seq)}
            readers={room.readers}
            isDirect={info?.kind === "direct"}
            onNearTop={() => void room.loadBefore()}
            onNearEnd={() => void room.loadAfter()}
            onToEnd={() => room.toNewest()}
            onPlace={(place) => room.keepPlace(place)}
            onSeen={(seq) => room.read(seq)}
            onEscape={onEscape}
            {...onRows}
            {...(onThread && { onThread })}
          />
        </LooksHere.Provider>
      </RoomHere.Provider>
      {window && <MessageWindow key={window.kind} {...{ room, actions, window }} acts={offered(window.item)} onAct={act} onClose={close} />}
    </>
  );
}
