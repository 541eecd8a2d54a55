/** What all windows have in common: they are in front of all else, Back and Escape close them, and the focus comes back. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { closeOnBack } from "./back.ts";

export function useModal(onClose: () => void) {
  const dialog = useRef<HTMLDialogElement>(null);
  const left = useRef(false);
  useLayoutEffect(() => {
    const box = dialog.current;
    box?.showModal();
    const leave = closeOnBack(onClose);
    return () => {
      leave();
      // Closing gives the focus back; what it tells comes late, when another window may be open.
      left.current = true;
      box?.close();
    };
  }, []);
  /** For the dialog's `close`. */
  const closed = (): void => void (left.current || onClose());
  return { dialog, closed };
}
