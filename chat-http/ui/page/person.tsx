/** People and rooms as small coloured signs, the same wherever they appear. */

const HUES = 8;

/** One of eight colours, always the same for the same name. */
export function hue(id: string): string {
  let hash = 2166136261;
  for (const letter of id) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619);
  return `hue-${(hash >>> 0) % HUES}`;
}

export function Avatar({ id, name, small = false }: { id: string; name: string; small?: boolean }) {
  return (
    <span class={`avatar ${hue(id)}${small ? " small" : ""}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

export function RoomSign({ name, id }: { name: string; id: number }) {
  return (
    <span class={`avatar room-sign ${hue(`room ${id}`)}`} aria-hidden="true">
      {firstLetter(name)}
    </span>
  );
}

export function Name({ id, name }: { id: string; name: string }) {
  return <bdi class={`name ${hue(id)}`}>{name}</bdi>;
}

const SEGMENTER = typeof Intl.Segmenter === "function" ? new Intl.Segmenter() : null;

/** `Ada Lovelace` → `AL`, `ada` → `A`. */
function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const [first, second] = [words[0] ?? name, words.length > 1 ? words.at(-1) : undefined];
  return firstLetter(first) + (second ? firstLetter(second) : "");
}

function firstLetter(word: string): string {
  const stripped = word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, "") || word;
  // A sign is one letter, however many code points that takes; the first few hold it.
  const segment = SEGMENTER ? [...SEGMENTER.segment(stripped.slice(0, 64))][0]?.segment : stripped[0];
  return (segment ?? "?").toLocaleUpperCase();
}
