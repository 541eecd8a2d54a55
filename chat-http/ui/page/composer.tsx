/** Where one writes: Enter sends, Shift+Enter begins a new line. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Answer, Close, Send, Smile } from "./icons.tsx";
import type { MessageActions } from "./messages/actions.ts";
import { beginning } from "./messages/quote.tsx";
import { useModel } from "./model.ts";
import type { Session } from "./session.ts";
import { asSent, isSeen } from "./seen.ts";
import { characters } from "./text.ts";
import { language, rich, t } from "./language.ts";

const LONGEST = 4_000;
const EMOJI = "😀 😄 😂 🥹 😊 😉 😍 😘 😎 🤓 🤔 🫠 😅 😬 😴 😭 😡 🤯 🥳 🤗 👍 👎 👏 🙌 🙏 💪 👋 🤝 👀 ❤️ 🧡 💚 💙 💜 🔥 ✨ 🎉 🚀 ☕ 🍕 🌱 🌈 ✅ ❌ ❓ 💡 🐛 🎯".split(" ");

interface Props {
  session: Session;
  room: number;
  name: string;
  /** Up from an empty field goes to the messages. */
  onUp: () => void;
  /** Whether the field may take the focus by itself: not on a phone, where it would bring the keyboard. */
  eager: boolean;
  actions: MessageActions;
}

export function Composer({ session, room, name, onUp, eager, actions }: Props) {
  const { answering } = useModel(actions);
  const text = useModel(session.drafts).of(room);
  const [emoji, setEmoji] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const length = characters(asSent(text));
  const tooLong = length > LONGEST;

  useEffect(() => {
    if (eager) field.current?.focus({ preventScroll: true });
    return () => session.client.typing(room, false);
  }, []);
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [text]);

  const write = (next: string): void => {
    session.drafts.set(room, next);
    session.client.typing(room, next.trim() !== "");
  };
  const send = (): void => {
    if (!isSeen(text) || tooLong) return;
    session.outbox.send(room, asSent(text), answering ? { reply_to: answering.seq } : {});
    actions.answer(null);
    session.drafts.set(room, "");
    session.client.typing(room, false);
    setEmoji(false);
    field.current?.focus();
  };
  const insert = (what: string): void => {
    const box = field.current;
    const [from, to] = [box?.selectionStart ?? text.length, box?.selectionEnd ?? text.length];
    write(text.slice(0, from) + what + text.slice(to));
    requestAnimationFrame(() => {
      box?.focus();
      box?.setSelectionRange(from + what.length, from + what.length);
    });
  };
  const onKey = (event: KeyboardEvent): void => {
    // Enter that ends the choice of a character (Japanese, Chinese, …) sends nothing.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      onUp();
    } else if (event.key === "Escape" && emoji) {
      setEmoji(false);
    } else if (event.key === "Escape" && answering) {
      actions.answer(null);
    }
  };

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
            <span class="quote-text" dir="auto">
              {beginning(answering.text)}
            </span>
          </span>
          <button type="button" class="icon-button" aria-label={t("answerNot")} title={t("answerNot")} onClick={() => (actions.answer(null), field.current?.focus())}>
            <Close />
          </button>
        </div>
      )}
      <div class={`field${tooLong ? " bad" : ""}`}>
        <button type="button" class="icon-button emoji-button" aria-label={t("emoji")} aria-expanded={emoji} title={t("emoji")} onClick={() => setEmoji(!emoji)}>
          <Smile />
        </button>
        <textarea
          ref={field}
          rows={1}
          value={text}
          placeholder={t("writeTo", { room: name })}
          aria-label={t("writeTo", { room: name })}
          aria-describedby="composer-help"
          aria-invalid={tooLong}
          enterkeyhint="send"
          autocomplete="off"
          // While it is empty, the hint in it has the direction of the page.
          dir={text === "" ? undefined : "auto"}
          onInput={(event) => write(event.currentTarget.value)}
          onBlur={() => session.client.typing(room, false)}
          onKeyDown={onKey}
        />
        <button type="submit" class="send" aria-label={t("send")} title={t("send")} disabled={!isSeen(text) || tooLong}>
          <Send />
        </button>
      </div>
      <span id="composer-help" class="sr-only">
        {t("writeHelp")}
      </span>
      {text.trim() !== "" && !isSeen(text) && (
        <p class="length bad" role="status">
          {t("nothingSeen")}
        </p>
      )}
      {length > LONGEST * 0.9 && (
        <p class={tooLong ? "length bad" : "length"} role="status">
          {tooLong ? t("charactersOver", { count: length - LONGEST }) : t("charactersLeft", { count: LONGEST - length })}
        </p>
      )}
    </form>
  );
}

function EmojiPanel({ onPick, onClose }: { onPick: (emoji: string) => void; onClose: () => void }) {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    panel.current?.querySelector("button")?.focus();
    const outside = (event: Event): void => {
      const path = event.composedPath();
      const button = (panel.current?.parentElement ?? null)?.querySelector(".emoji-button");
      if (panel.current && !path.includes(panel.current) && !(button && path.includes(button))) onClose();
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  const onKey = (event: KeyboardEvent): void => {
    const onward = language().direction === "rtl" ? -1 : 1;
    const step = { ArrowRight: onward, ArrowLeft: -onward, ArrowDown: 8, ArrowUp: -8 }[event.key];
    const buttons = [...(panel.current?.querySelectorAll("button") ?? [])];
    if (step !== undefined) {
      event.preventDefault();
      buttons[buttons.indexOf(event.target as HTMLButtonElement) + step]?.focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    }
  };
  return (
    <div class="emoji-panel" ref={panel} role="group" aria-label={t("emoji")} onKeyDown={onKey}>
      {EMOJI.map((each, index) => (
        <button type="button" key={each} tabIndex={index === 0 ? 0 : -1} onClick={() => onPick(each)}>
          {each}
        </button>
      ))}
    </div>
  );
}
