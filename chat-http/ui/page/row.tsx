/** One message, with what stands above it: the day, the line of the unread, its author. */
import { useRef } from "preact/hooks";
import { memo } from "./memo.ts";
import type { Identity, MessageState } from "../client/src/index.ts";
import { Alert, Clock, Pin } from "./icons.tsx";
import { Body } from "./markup/body.tsx";
import type { Editing, MessageActions } from "./messages/actions.ts";
import { actOfKey, type MessageAct } from "./messages/acts.ts";
import { EditForm } from "./messages/edit-form.tsx";
import { onLongPress } from "./messages/long-press.ts";
import { Quote } from "./messages/quote.tsx";
import { Reactions } from "./messages/reactions.tsx";
import { ReadBy } from "./messages/receipts.tsx";
import { AnswersBelow, ThreadLine } from "./messages/thread-line.tsx";
import { Tools } from "./messages/tools.tsx";
import { Avatar, Name } from "./person.tsx";
import { isBigEmoji } from "./text.ts";
import type { Item } from "./timeline.ts";
import { day, exactTime, fullDay, refusal, time } from "./format.ts";
import { language, t } from "./language.ts";

interface Props {
  item: Item;
  own: boolean;
  day: boolean;
  head: boolean;
  tail: boolean;
  unread: boolean;
  /** How many are new, where the line of the unread stands above it. */
  newCount: number;
  stamp: boolean;
  state: Item["kind"];
  failed: string | undefined;
  /** A link has led here. */
  marked: boolean;
  /** The message that this one answers: null if it is not there any more, undefined if that is not known, or it answers none. */
  answered: MessageState | null | undefined;
  editing: Editing | null;
  /** Why the last change of this message was refused; empty if none was. */
  refused: string;
  actions: MessageActions;
  onRetry: (id: string) => void;
  onDiscard: (id: string) => void;
  onGo: (seq: number) => void;
  onMenu: (item: Item, near: HTMLElement) => void;
  onAct: (act: MessageAct, item: Item, near: HTMLElement) => void;
  /** Who is shown to have read it, if it is one's own. */
  readBy: readonly Identity[] | undefined;
  /** Whether it is in a room of two. */
  isDirect: boolean;
  onReaders: (item: Item) => void;
  /** How many answers the message has in its thread. */
  answers: number;
  /** Whether its answers stand below it. */
  isRoot: boolean;
  /** When the last of them came, if that is known. */
  lastAnswer: string | undefined;
  /** Opens the thread of a message; where there is none, this is one. */
  onThread: ((root: number) => void) | undefined;
  /** Which day it is: on another one, `Today` and `Yesterday` are others, too. */
  today: string;
}

export const Row = memo(function Row(props: Props) {
  const { item, own, head, tail } = props;
  const replyTo = item.fields.reply_to;
  const label = item.kind === "notice" ? undefined : t("messageBy", { name: own ? t("you") : item.username, time: time(item.at) });
  return (
    <div class={props.marked ? "row marked" : "row"} data-id={item.id} data-seq={item.seq || undefined} role="article" aria-label={label} tabIndex={-1} onKeyDown={(event) => onKey(event, props)}>
      {props.day && (
        <div class="day">
          <time dateTime={new Date(item.at).toISOString().slice(0, 10)} title={fullDay(item.at)}>
            {day(item.at)}
          </time>
        </div>
      )}
      {props.unread && <div class="unread-line">{props.newCount > 0 ? t("newSince", { count: props.newCount, time: time(item.at) }) : t("unreadLine")}</div>}
      {item.kind === "notice" ? (
        <p class="notice">
          <span>{item.text}</span> <time>{time(item.at)}</time>
        </p>
      ) : (
        <div class={`message${own ? " own" : ""}${head ? " head" : ""}${tail ? " tail" : ""}${item.fresh ? " fresh" : ""}`}>
          {!own && <div class="gutter">{tail && <Avatar id={item.user} name={item.username} />}</div>}
          <div class="stack">
            {head && !own && (
              <div class="author">
                <Name id={item.user} name={item.username} />
              </div>
            )}
            {replyTo !== undefined && !item.deleted && <Quote original={props.answered} onGo={() => props.onGo(replyTo)} />}
            {props.editing && !item.deleted ? <Edit {...props} editing={props.editing} /> : <Bubble {...props} />}
            {item.message?.reactions && <Reactions reactions={item.message.reactions} onReact={(reaction, added) => void props.actions.react(item.seq, reaction, added)} />}
            {props.onThread && props.answers > 0 && <ThreadLine count={props.answers} last={props.lastAnswer} onOpen={() => props.onThread?.(item.seq)} />}
            {props.refused !== "" && <Refused {...props} />}
            {props.failed !== undefined && <Failed {...props} code={props.failed} />}
          </div>
        </div>
      )}
      {props.isRoot && <AnswersBelow count={props.answers} />}
    </div>
  );
});

function Bubble({ item, state, failed, stamp, readBy, isDirect, onMenu, onAct, onReaders }: Props) {
  const { text, deleted, message } = item;
  const big = !deleted && isBigEmoji(text);
  const sending = (state === "draft" && failed === undefined) || (message?.pending?.length ?? 0) > 0;
  const edited = !deleted && message?.edited !== undefined;
  const pinned = message?.pinned === true;
  const line = useRef<HTMLDivElement>(null);
  const menu = (): void => void (state === "message" && line.current && onMenu(item, line.current));
  return (
    <div class="line" ref={line} {...onLongPress(menu)}>
      <div class={`bubble${big ? " big" : ""}${failed === undefined ? "" : " failed"}`} dir="auto" title={stamp ? undefined : exactTime(item.at)}>
        {deleted ? <div class="text gone">{t("messageDeleted")}</div> : <Body item={item} />}
        {(stamp || sending || edited || pinned) && (
          <span class="stamp" dir={language().direction}>
            {pinned && (
              <span class="pinned" title={t("pinned")}>
                <Pin />
                <span class="sr-only">{t("pinned")}, </span>
              </span>
            )}
            {edited && <span title={exactTime(Date.parse(message?.edited?.timestamp ?? ""))}>{t("edited")} </span>}
            <time dateTime={new Date(item.at).toISOString()} title={exactTime(item.at)}>
              {time(item.at)}
            </time>
            {sending && (
              <span class="sending" title={t("onItsWay")}>
                <Clock />
                <span class="sr-only">, {t("onItsWay")}</span>
              </span>
            )}
          </span>
        )}
      </div>
      {readBy && <ReadBy readers={readBy} isDirect={isDirect} onOpen={() => onReaders(item)} />}
      {state === "message" && !deleted && <Tools onMenu={menu} onAnswer={() => line.current && onAct("answer", item, line.current)} />}
    </div>
  );
}

function Edit({ item, editing, actions }: Props & { editing: Editing }) {
  const form = useRef<HTMLDivElement>(null);
  // The focus goes back to the message.
  const back = (): void => form.current?.closest<HTMLElement>(".row")?.focus();
  return (
    <div ref={form} class="edit">
      <EditForm
        editing={editing}
        onChange={(changed) => actions.edit(changed)}
        onSave={(changed) => (back(), void actions.save(changed, item.text))}
        onCancel={() => (back(), actions.edit(null))}
      />
    </div>
  );
}

/** What was to be done with the message, and was not. */
function Refused({ refused, actions }: Props) {
  return (
    <div class="not-sent" role="alert">
      <Alert />
      <span>{refusal(refused)}</span>
      <button type="button" class="link" onClick={() => actions.dismiss()}>
        {t("close")}
      </button>
    </div>
  );
}

function Failed({ item, code, onRetry, onDiscard }: Props & { code: string }) {
  return (
    <div class="not-sent" role="alert">
      <Alert />
      <span>
        {t("notSent")} {refusal(code)}
      </span>
      <button type="button" class="link" onClick={() => onRetry(item.id)}>
        {t("tryAgain")}
      </button>
      <button type="button" class="link" onClick={() => onDiscard(item.id)}>
        {t("takeBack")}
      </button>
    </div>
  );
}

/** What keys do on a message that has the focus. */
function onKey(event: KeyboardEvent, { item, state, onMenu, onAct }: Props): void {
  const row = event.currentTarget as HTMLElement;
  const act = actOfKey(event);
  if (event.target !== row || act === null || state !== "message") return;
  // Text that is marked is copied by the browser.
  if (act === "copy" && getSelection()?.isCollapsed === false) return;
  event.preventDefault();
  if (act === "menu") onMenu(item, row.querySelector<HTMLElement>(".line") ?? row);
  else onAct(act, item, row);
}
