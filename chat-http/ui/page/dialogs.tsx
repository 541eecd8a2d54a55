/** The frame of every window. */
import type { ComponentChildren } from "preact";
import { Close } from "./icons.tsx";
import { t } from "./language.ts";
import { useModal } from "./modal.ts";

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const { dialog, closed } = useModal(onClose);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={closed} onClick={(event) => event.target === dialog.current && onClose()}>
      <div class="dialog">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button type="button" class="icon-button" aria-label={t("close")} title={t("close")} onClick={onClose}>
            <Close />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
