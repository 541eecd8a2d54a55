/** Which letter a key stands for, on whatever layout: keys are named by Latin letters. */
export function letterOf({ key, code }: Pick<KeyboardEvent, "key" | "code">): string {
  // Where the layout is of another script, the key of that place on a Latin one.
  const [, place] = /^\p{L}$/u.test(key) && !/^\p{Script=Latin}$/u.test(key) ? (/^Key([A-Z])$/.exec(code) ?? []) : [];
  return (place ?? key).toLowerCase();
}
