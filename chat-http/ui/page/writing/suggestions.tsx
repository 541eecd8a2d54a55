/** What is offered for the word that is being written: emoji and people, chosen with keys or a press. */
import { useEffect, useState } from "preact/hooks";
import type { Identity } from "../../client/src/index.ts";
import { emojiData } from "../emoji/data.ts";
import { noteEmoji } from "../emoji/recent.ts";
import { useFound } from "../found.ts";
import { t } from "../language.ts";
import { candidates, EVERYONE } from "../mentions.ts";
import { useModel } from "../model.ts";
import { Avatar } from "../person.tsx";
import { answered, askedAt, type Asked, type Written } from "./asked.ts";

const MOST = 8;

type Suggestion = { id: string; text: string } & ({ kind: "emoji"; emoji: string; code: string } | { kind: "person"; person: Identity } | { kind: "everyone" });

export interface Sources {
  /** Those who are known at once. */
  people: () => Identity[];
  /** The members that a query finds. */
  members: (query: string) => Promise<Identity[]>;
  /** Whether everyone may be mentioned together. */
  everyone: boolean;
}

interface Suggestions {
  list: Suggestion[];
  chosen: number;
  /** Handles a key of the field; says whether it was for the list. */
  onKey: (event: KeyboardEvent) => boolean;
  choose: (suggestion: Suggestion) => void;
  point: (index: number) => void;
}

/** The suggestions for what is written; `onChoice` takes the text once one is chosen. */
export function useSuggestions(written: Written, sources: Sources, onChoice: (next: Written, person: Identity | null) => void): Suggestions {
  const asked = askedAt(written);
  const key = asked === null ? "" : `${asked.kind} ${asked.from} ${asked.query}`;
  const [at, setAt] = useState({ key, index: 0 });
  const [closed, setClosed] = useState("");
  const members = useFound(asked?.kind === "person" ? asked.query : null, sources.members);
  useModel(emojiData);
  useEffect(() => {
    if (asked?.kind === "emoji") void emojiData.need();
  }, [asked?.kind]);
  // What was closed stays so until another word is begun.
  const place = asked === null ? "" : `${asked.kind} ${asked.from}`;
  useEffect(() => {
    if (closed !== place) setClosed("");
  }, [place]);
  const list = asked === null || closed === place ? [] : suggestionsFor(asked, [...sources.people(), ...members], sources.everyone);
  const chosen = at.key === key ? Math.min(at.index, list.length - 1) : 0;
  const choose = (suggestion: Suggestion): void => {
    if (asked === null) return;
    if (suggestion.kind === "emoji") noteEmoji(suggestion.emoji);
    onChoice(answered(written, asked, suggestion.text), suggestion.kind === "person" ? suggestion.person : null);
  };
  const onKey = (event: KeyboardEvent): boolean => {
    const suggestion = list[chosen];
    if (suggestion === undefined || event.altKey || event.ctrlKey || event.metaKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setAt({ key, index: (chosen + step + list.length) % list.length });
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) choose(suggestion);
    else if (event.key === "Escape") setClosed(place);
    else return false;
    return true;
  };
  return { list, chosen, onKey, choose, point: (index) => setAt({ key, index }) };
}

function suggestionsFor({ kind, query }: Asked, people: Identity[], everyone: boolean): Suggestion[] {
  if (kind === "emoji") {
    return emojiData.find(query, MOST).map(([emoji, codes]) => ({ kind, id: emoji, text: emoji, emoji, code: codes.split(" ", 1)[0] as string }));
  }
  const found = candidates(query, people, MOST).map((person): Suggestion => ({ kind: "person", id: person.user, text: `@${person.username}`, person }));
  return everyone && EVERYONE.startsWith(query.toLowerCase()) ? [...found, { kind: "everyone", id: "", text: `@${EVERYONE}` }] : found;
}

/** The list above the field; the focus stays in the field. */
export function SuggestionList({ id, suggestions: { list, chosen, choose, point } }: { id: string; suggestions: Suggestions }) {
  return (
    <>
      {list.length > 0 && (
        <div class="suggestions" id={id} role="listbox" aria-label={t("suggestions")}>
          {list.map((each, index) => (
            <div
              key={`${each.kind} ${each.id}`}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              class={index === chosen ? "menu-item chosen" : "menu-item"}
              onPointerMove={() => point(index)}
              // The field keeps the focus, and a phone its keyboard.
              onPointerDown={(event) => event.preventDefault()}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(each)}
            >
              <Entry suggestion={each} />
            </div>
          ))}
        </div>
      )}
      <span class="sr-only" role="status">
        {list.length > 0 && t("suggestionCount", { count: list.length })}
      </span>
    </>
  );
}

function Entry({ suggestion }: { suggestion: Suggestion }) {
  switch (suggestion.kind) {
    case "emoji":
      return (
        <>
          <span class="suggested-emoji">{suggestion.emoji}</span> <bdi>:{suggestion.code}:</bdi>
        </>
      );
    case "person":
      return (
        <>
          <Avatar id={suggestion.person.user} name={suggestion.person.username} small />
          <bdi class="person">{suggestion.person.username}</bdi>
        </>
      );
    case "everyone":
      return (
        <>
          <bdi class="person">@{EVERYONE}</bdi> <span class="hint">{t("mentionsEveryone")}</span>
        </>
      );
  }
}
