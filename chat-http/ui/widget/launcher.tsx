/** The button in the corner of a page, and the room that it opens. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Bubble, Minimise } from "../page/icons.tsx";
import { number, t } from "../page/language.ts";

interface Props {
  isOpen: boolean;
  unread: number;
  onToggle: () => void;
  children?: ComponentChildren;
}

export function Launcher({ isOpen, unread, onToggle, children }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const was = useRef(isOpen);
  useLayoutEffect(() => {
    if (was.current === isOpen) return;
    was.current = isOpen;
    // Whoever opens it is in it; whoever closes it is where they were.
    (isOpen ? panel.current?.querySelector<HTMLElement>("textarea, input, button") : button.current)?.focus();
  }, [isOpen]);
  return (
    <div class={isOpen ? "launched open" : "launched"}>
      {isOpen && (
        <div class="panel" ref={panel} role="region" aria-label={t("chat")}>
          {children}
          <button type="button" class="icon-button minimise" aria-label={t("minimise")} title={t("minimise")} onClick={onToggle}>
            <Minimise />
          </button>
        </div>
      )}
      <button type="button" class="launcher" ref={button} aria-expanded={isOpen} onClick={onToggle}>
        <Bubble />
        <span class="sr-only">{t("chat")}</span>
        {unread > 0 && !isOpen && (
          <span class="launcher-badge">
            <span aria-hidden="true">{unread > 99 ? `${number(99)}+` : number(unread)}</span>
            <span class="sr-only">, {t("unreadMessages", { count: unread })}</span>
          </span>
        )}
      </button>
    </div>
  );
}
