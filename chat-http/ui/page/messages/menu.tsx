/** All that can be done with a message: beside it, or from the lower edge of a phone. */
import { useLayoutEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { EmojiPanel } from "../emoji/panel.tsx";
import { Answer, Copy, Clock, Link, Marks, Pencil, Person, Pin, Plus, Send as ArrowUp, Smile, Thread, Trash } from "../icons.tsx";
import { language, t, type PlainText } from "../language.ts";
import { useModal } from "../modal.ts";
import type { MessageAct } from "./acts.ts";

/** Offered at once; the others are in the panel. */
const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢"];
/** How far from the edges of the window. */
const MARGIN = 8;

interface Props {
  acts: MessageAct[];
  /** The reactions of one's own. */
  mine: readonly string[];
  /** Whether reactions are offered. */
  canReact: boolean;
  /** What the menu belongs to. */
  anchor: DOMRect;
  onAct: (act: MessageAct) => void;
  onReact: (reaction: string, added: boolean) => void;
  onClose: () => void;
}

const LOOKS: Readonly<Record<MessageAct, { text: PlainText; icon: () => ComponentChildren }>> = {
  answer: { text: "answer", icon: Answer },
  thread: { text: "answerInThread", icon: Thread },
  answered: { text: "toAnswered", icon: ArrowUp },
  edit: { text: "edit", icon: Pencil },
  copy: { text: "copyMessage", icon: Copy },
  written: { text: "asWritten", icon: Marks },
  formatted: { text: "asFormatted", icon: Marks },
  link: { text: "copyLink", icon: Link },
  pin: { text: "pin", icon: Pin },
  unpin: { text: "unpin", icon: Pin },
  reacted: { text: "whoReacted", icon: Smile },
  edits: { text: "showEdits", icon: Clock },
  person: { text: "aboutAuthor", icon: Person },
  delete: { text: "delete", icon: Trash },
};

export function MessageMenu({ acts, mine, canReact, anchor, onAct, onReact, onClose }: Props) {
  const { dialog, closed } = useModal(onClose);
  const [more, setMore] = useState(false);
  const react = (reaction: string, added: boolean): void => (onClose(), onReact(reaction, added));
  useLayoutEffect(() => {
    if (dialog.current) place(dialog.current, anchor);
  }, [more]);
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined || more) return;
    event.preventDefault();
    const isSideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const buttons = [...(dialog.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf((dialog.current?.getRootNode() as Document | ShadowRoot).activeElement as HTMLButtonElement);
    const onward = isSideways && language().direction === "rtl" ? -step : step;
    buttons[(at + onward + buttons.length) % buttons.length]?.focus();
  };
  return (
    <dialog ref={dialog} class="message-menu" aria-label={t("moreActions")} onClose={closed} onClick={(event) => event.target === dialog.current && onClose()} onKeyDown={onKey}>
      {canReact && (
        <div class="quick-reactions" role="group" aria-label={t("react")}>
          {QUICK.map((each) => (
            <button type="button" key={each} class="reaction" aria-pressed={mine.includes(each)} onClick={() => react(each, !mine.includes(each))}>
              {each}
            </button>
          ))}
          <button type="button" class="reaction" aria-label={t("moreReactions")} title={t("moreReactions")} aria-expanded={more} onClick={() => setMore(!more)}>
            <Plus />
          </button>
        </div>
      )}
      {more && <EmojiPanel onPick={(emoji) => react(emoji, true)} onClose={() => setMore(false)} />}
      {!more && acts.map((act) => {
        const { text, icon: Icon } = LOOKS[act];
        return (
          <button type="button" key={act} class={act === "delete" ? "menu-item danger" : "menu-item"} onClick={() => (onClose(), onAct(act))}>
            <Icon /> {t(text)}
          </button>
        );
      })}
    </dialog>
  );
}

/** Puts the menu below its message, or above it where there is more room. (On a phone, the style sheet does.) */
function place(menu: HTMLDialogElement, anchor: DOMRect): void {
  const { width, height } = menu.getBoundingClientRect();
  const [across, down] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
  const left = Math.min(Math.max(MARGIN, anchor.left), across - width - MARGIN);
  const below = anchor.bottom + 4;
  const top = below + height + MARGIN <= down ? below : Math.max(MARGIN, Math.min(anchor.top - height - 4, down - height - MARGIN));
  menu.style.setProperty("--left", `${left}px`);
  menu.style.setProperty("--top", `${top}px`);
}
