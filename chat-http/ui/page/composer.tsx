/** Where one writes: Enter sends, Shift+Enter begins a new line. Keyboards on screens have no Shift+Enter: there the button sends. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { draftOf } from "./drafts.ts";
import type { Identity } from "../client/src/index.ts";
import { emojiData } from "./emoji/data.ts";
import { EmojiPanel } from "./emoji/panel.tsx";
import { useGrowing } from "./growing.ts";
import { Answer, Close, Send, Smile } from "./icons.tsx";
import { mentionsIn } from "./mentions.ts";
import type { MessageActions } from "./messages/actions.ts";
import { Excerpt } from "./messages/quote.tsx";
import { useModel } from "./model.ts";
import { flush } from "./rendering.ts";
import type { Session } from "./session.ts";
import { asSent, isSeen, LONGEST_MESSAGE } from "./seen.ts";
import { characters } from "./text.ts";
import { isToSend, isTouch } from "./touch.ts";
import { rich, t } from "./language.ts";
import { withEmoji, type Written } from "./writing/asked.ts";
import { SuggestionList, useSuggestions, type Sources } from "./writing/suggestions.tsx";

interface Props {
  session: Session;
  room: number;
  /** The thread that one writes in. */
  thread?: number | undefined;
  name: string;
  /** Who may be mentioned here. */
  sources: Sources;
  /** Up from an empty field goes to the messages. */
  onUp: () => void;
  /** Whether the field may take the focus by itself: not on a phone, where it would bring the keyboard. */
  eager: boolean;
  actions: MessageActions;
}

export function Composer({ session, room, thread, name, sources, onUp, eager, actions }: Props) {
  const { answering } = useModel(actions);
  const place = draftOf(room, thread);
  const text = useModel(session.drafts).of(place);
  const label = thread === undefined ? t("writeTo", { room: name }) : t("writeInThread");
  const help = `composer-help${thread ?? ""}`;
  const list = `suggestions${thread ?? ""}`;
  const [caret, setCaret] = useState(text.length);
  /** Who was chosen for the names in the text. */
  const chosen = useRef<Identity[]>([]);
  const [emoji, setEmoji] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  /** Where the caret goes once the text is there. */
  const wanted = useRef<number | null>(null);
  const length = characters(asSent(text));
  const tooLong = length > LONGEST_MESSAGE;
  // Who types in a thread is not told to its room.
  const tell = (isTyping: boolean): void => void (thread === undefined && session.client.typing(room, isTyping));

  useEffect(() => {
    if (eager) field.current?.focus({ preventScroll: true });
    return () => tell(false);
  }, []);
  useGrowing(field, text);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    field.current?.focus();
    field.current?.setSelectionRange(wanted.current, wanted.current);
    wanted.current = null;
  });

  const write = (next: string): void => {
    session.drafts.set(place, next);
    tell(next.trim() !== "");
  };
  const send = (): void => {
    if (!isSeen(text) || tooLong) return;
    const sent = asSent(text);
    session.outbox.send(room, sent, { ...(thread !== undefined && { thread }), ...mentionsIn(sent, chosen.current, sources.people(), !sources.everyone), ...(answering && { reply_to: answering.seq }) });
    chosen.current = [];
    actions.answer(null);
    session.drafts.set(place, "");
    tell(false);
    setEmoji(false);
    field.current?.focus();
  };
  const put = (next: Written): void => {
    write(next.text);
    setCaret(next.caret);
    wanted.current = next.caret;
    // The next letter comes behind it.
    flush();
  };
  const insert = (what: string): void => {
    const box = field.current;
    const [from, to] = [box?.selectionStart ?? text.length, box?.selectionEnd ?? text.length];
    put({ text: text.slice(0, from) + what + text.slice(to), caret: from + what.length });
  };
  const suggestions = useSuggestions({ text, caret }, sources, (next, person) => {
    if (person) chosen.current = [...chosen.current, person];
    put(next);
  });
  const onInput = ({ currentTarget: box }: { currentTarget: HTMLTextAreaElement }): void => {
    const now = { text: box.value, caret: box.selectionStart };
    setEmoji(false);
    const next = withEmoji(now, (code) => emojiData.withCode(code));
    if (next) return put(next);
    write(now.text);
    setCaret(now.caret);
  };
  const follow = ({ currentTarget: box }: { currentTarget: HTMLTextAreaElement }): void => setCaret(box.selectionStart);
  const onKey = (event: KeyboardEvent): void => {
    // Enter that ends the choice of a character (Japanese, Chinese, …) sends nothing.
    if (event.isComposing || event.keyCode === 229) return;
    if (suggestions.onKey(event)) {
      event.preventDefault();
    } else if (isToSend(event)) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      onUp();
    } else if (event.key === "Escape" && emoji) {
      event.preventDefault();
      setEmoji(false);
    } else if (event.key === "Escape" && answering) {
      event.preventDefault();
      actions.answer(null);
    }
  };

  const isOpen = suggestions.list.length > 0;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {emoji && <EmojiPanel onPick={insert} onClose={() => (setEmoji(false), field.current?.focus())} />}
      {answering && (
        <div class="answering">
          <Answer />
          <span class="answered">
            <span>{rich("answering", { name: <bdi>{answering.username}</bdi> })}</span>
            <Excerpt text={answering.text} fields={answering.fields} room={actions.room} />
          </span>
          <button type="button" class="icon-button" aria-label={t("answerNot")} title={t("answerNot")} onClick={() => (actions.answer(null), field.current?.focus())}>
            <Close />
          </button>
        </div>
      )}
      <SuggestionList id={list} suggestions={suggestions} />
      <div class={`field${tooLong ? " bad" : ""}`}>
        <button type="button" class="icon-button emoji-button" aria-label={t("emoji")} aria-expanded={emoji} title={t("emoji")} onClick={() => setEmoji(!emoji)}>
          <Smile />
        </button>
        <textarea
          ref={field}
          rows={1}
          value={text}
          placeholder={label}
          aria-label={label}
          aria-describedby={isTouch() ? undefined : help}
          aria-invalid={tooLong}
          enterkeyhint={isTouch() ? "enter" : "send"}
          autocomplete="off"
          // While it is empty, the hint in it has the direction of the page.
          dir={text === "" ? undefined : "auto"}
          aria-autocomplete="list"
          aria-controls={isOpen ? list : undefined}
          aria-activedescendant={isOpen ? `${list}-${suggestions.chosen}` : undefined}
          onInput={onInput}
          onSelect={follow}
          onClick={follow}
          onKeyUp={follow}
          onBlur={() => tell(false)}
          onKeyDown={onKey}
        />
        <button type="submit" class="send" aria-label={t("send")} title={t("send")} disabled={!isSeen(text) || tooLong}>
          <Send />
        </button>
      </div>
      <span id={help} class="sr-only">
        {t("writeHelp")}
      </span>
      {text.trim() !== "" && !isSeen(text) && (
        <p class="length bad" role="status">
          {t("nothingSeen")}
        </p>
      )}
      {length > LONGEST_MESSAGE * 0.9 && (
        <p class={tooLong ? "length bad" : "length"} role="status">
          {tooLong ? t("charactersOver", { count: length - LONGEST_MESSAGE }) : t("charactersLeft", { count: LONGEST_MESSAGE - length })}
        </p>
      )}
    </form>
  );
}
