/** Picks an emoji: those used last, by kind, or by its name. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { language, t, type PlainText } from "../language.ts";
import { useModel } from "../model.ts";
import { emojiData } from "./data.ts";
import { noteEmoji, recentEmoji } from "./recent.ts";

/** The kinds in the order of the file, each with a sign. */
const KINDS: readonly [string, PlainText][] = [
  ["😀", "emojiSmileys"],
  ["👋", "emojiPeople"],
  ["🌱", "emojiNature"],
  ["🍕", "emojiFood"],
  ["🚀", "emojiPlaces"],
  ["⚽", "emojiActivities"],
  ["💡", "emojiObjects"],
  ["✅", "emojiSymbols"],
  ["🏁", "emojiFlags"],
];
const MOST_FOUND = 80;

interface Props {
  onPick: (emoji: string) => void;
  onClose: () => void;
}

export function EmojiPanel({ onPick, onClose }: Props) {
  const panel = useRef<HTMLDivElement>(null);
  const data = useModel(emojiData);
  const [query, setQuery] = useState("");
  const [kind, setKind] = useState(0);
  const [recent] = useState(recentEmoji);
  useEffect(() => void data.need(), []);
  useLayoutEffect(() => panel.current?.querySelector("input")?.focus(), []);
  useOutside(panel, onClose);
  const isSearch = query.trim() !== "";
  const found = isSearch ? data.find(query, MOST_FOUND) : (data.groups[kind] ?? []);
  const pick = (emoji: string): void => {
    noteEmoji(emoji);
    onPick(emoji);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    } else if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      if (isSearch && found[0]) pick(found[0][0]);
    } else if (moveFocus(panel.current, event)) {
      event.preventDefault();
    }
  };
  return (
    <div class="emoji-panel" ref={panel} role="group" aria-label={t("emoji")} onKeyDown={onKey}>
      <input type="text" enterkeyhint="search" autocomplete="off" placeholder={t("findEmoji")} aria-label={t("findEmoji")} value={query} onInput={(event) => setQuery(event.currentTarget.value)} />
      {!isSearch && (
        <>
          <Grid emoji={recent.map((each) => [each, each])} label={t("emojiRecent")} onPick={pick} />
          <div class="emoji-kinds" role="group" aria-label={t("emojiKinds")}>
            {KINDS.map(([sign, name], index) => (
              <button type="button" key={name} aria-pressed={index === kind} aria-label={t(name)} title={t(name)} onClick={() => setKind(index)}>
                {sign}
              </button>
            ))}
          </div>
        </>
      )}
      <div class="emoji-all">
        <Grid emoji={found.map(([each, codes]) => [each, codes.split(" ", 1)[0] as string])} label={isSearch ? t("findEmoji") : t((KINDS[kind] ?? KINDS[0]!)[1])} onPick={pick} />
      </div>
      <p class="hint" role="status">
        {isSearch && found.length === 0 && data.groups.length > 0 && t("nothingFound")}
      </p>
    </div>
  );
}

interface GridProps {
  /** Each with its name. */
  emoji: [string, string][];
  label: string;
  onPick: (emoji: string) => void;
}

/** One of them can be reached with Tab, the others with arrows. */
function Grid({ emoji, label, onPick }: GridProps) {
  return (
    <div class="emoji-grid" role="group" aria-label={label}>
      {emoji.map(([each, name], index) => (
        <button type="button" key={each} tabIndex={index === 0 ? 0 : -1} title={name === each ? undefined : `:${name}:`} onClick={() => onPick(each)}>
          {each}
        </button>
      ))}
    </div>
  );
}

/** Arrows go through the emoji, and from the field to the first of them. */
function moveFocus(panel: HTMLElement | null, { key, target }: KeyboardEvent): boolean {
  const buttons = [...(panel?.querySelectorAll<HTMLElement>(".emoji-grid button") ?? [])];
  const at = buttons.indexOf(target as HTMLElement);
  const onward = language().direction === "rtl" ? -1 : 1;
  const columns = buttons[0] ? getComputedStyle(buttons[0].parentElement as Element).gridTemplateColumns.split(" ").length : 1;
  const step = { ArrowRight: onward, ArrowLeft: -onward, ArrowDown: columns, ArrowUp: -columns }[key];
  if (step === undefined || (at < 0 && key !== "ArrowDown")) return false;
  const next = buttons[at < 0 ? 0 : at + step] ?? (step < 0 ? panel?.querySelector("input") : undefined);
  next?.focus();
  return true;
}

/** A press anywhere else closes it; a button that has opened something closes that itself. */
function useOutside(panel: { current: HTMLElement | null }, onClose: () => void): void {
  useEffect(() => {
    const onPress = (event: Event): void => {
      const path = event.composedPath();
      const isOpener = path.some((each) => each instanceof Element && each.matches('[aria-expanded="true"]'));
      if (panel.current && !path.includes(panel.current) && !isOpener) onClose();
    };
    document.addEventListener("pointerdown", onPress);
    return () => document.removeEventListener("pointerdown", onPress);
  }, [onClose]);
}
