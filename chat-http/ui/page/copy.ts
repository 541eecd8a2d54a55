import { useState } from "preact/hooks";

/** It is told for so long that something was copied. */
const TOLD_MS = 1_500;

/** For a button that copies: whether it has just done so, and what it does when it is pressed. */
export function useCopying(text: string): { copied: boolean; copy: (event: Event) => Promise<void> } {
  const [copied, setCopied] = useState(false);
  const copy = async (event: Event): Promise<void> => {
    setCopied(await copyText(text, event.currentTarget as HTMLElement));
    setTimeout(() => setCopied(false), TOLD_MS);
  };
  return { copied, copy };
}

/** Copies a text; says whether it worked. Pages that are not on HTTPS have no clipboard, but an old way. */
export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr-only";
    near.after(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    near.focus({ preventScroll: true });
    return done;
  }
}
