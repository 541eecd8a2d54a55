/** One message, with what stands above it: the day, the line of the unread, its author. */
import { memo } from "./memo.ts";
import { Check, Copy, Alert, Clock } from "./icons.tsx";
import { Avatar, Name } from "./person.tsx";
import { isBigEmoji, pieces } from "./text.ts";
import type { Item } from "./timeline.ts";
import { day, exactTime, fullDay, refusal, time } from "./format.ts";
import { language, t } from "./language.ts";
import { copyText, useCopying } from "./copy.ts";

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
  onRetry: (id: string) => void;
  onDiscard: (id: string) => void;
}

export const Row = memo(function Row(props: Props) {
  const { item, own, head, tail } = props;
  const label = item.kind === "notice" ? undefined : t("messageBy", { name: own ? t("you") : item.username, time: time(item.at) });
  return (
    <div class="row" data-id={item.id} data-seq={item.seq || undefined} role="article" aria-label={label} tabIndex={-1} onKeyDown={(event) => onKey(event, item)}>
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
            <Bubble {...props} />
            {props.failed !== undefined && <Failed {...props} code={props.failed} />}
          </div>
        </div>
      )}
    </div>
  );
});

function Bubble({ item, state, failed, stamp }: Props) {
  const big = !item.deleted && isBigEmoji(item.text);
  const sending = state === "draft" && failed === undefined;
  return (
    <div class="line">
      <div class={`bubble${big ? " big" : ""}${failed === undefined ? "" : " failed"}`} dir="auto" title={stamp ? undefined : exactTime(item.at)}>
        <span class={item.deleted ? "text gone" : "text"}>
          {pieces(item.deleted ? t("messageDeleted") : item.text).map((piece) =>
            typeof piece === "string" ? (
              piece
            ) : (
              <a href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
                {piece.text}
              </a>
            ),
          )}
        </span>
        {(stamp || sending) && (
          <span class="stamp">
            <time dir={language().direction} dateTime={new Date(item.at).toISOString()} title={exactTime(item.at)}>
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
      {state === "message" && !item.deleted && <CopyButton text={item.text} />}
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const { copied, copy } = useCopying(text);
  return (
    <button type="button" class="copy" tabIndex={-1} title={t("copy")} aria-label={copied ? t("copied") : t("copyMessage")} onClick={copy}>
      {copied ? <Check /> : <Copy />}
    </button>
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

/** Ctrl+C, or just C, on a message copies it, unless some text is marked. */
function onKey(event: KeyboardEvent, item: Item): void {
  if (item.deleted || event.target !== event.currentTarget || event.altKey || event.key.toLowerCase() !== "c") return;
  if (getSelection()?.isCollapsed === false) return;
  event.preventDefault();
  void copyText(item.text, event.currentTarget as HTMLElement);
}
