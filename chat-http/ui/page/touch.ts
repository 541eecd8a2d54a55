/** Whether one writes on a screen, where Return begins a new line. */
export function isTouch(): boolean {
  return matchMedia("(pointer: coarse)").matches;
}

/** Whether a key sends what is written. */
export function isToSend({ key, shiftKey, ctrlKey, metaKey }: Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey">): boolean {
  return key === "Enter" && (ctrlKey || metaKey || !(shiftKey || isTouch()));
}
