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
