/** Searching messages: in one room, or in all that one may read. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { codeOf, type FoundMessages, type Room } from "./api.ts";
import { Dialog } from "./dialogs.tsx";
import { exactTime, lately, refusal } from "./format.ts";
import { highlightPlain } from "./highlight.ts";
import { t } from "./language.ts";
import { markup } from "./markup/markup.ts";
import { plainText } from "./markup/plain.ts";
import { GoToDate } from "./messages/go-to-date.tsx";
import { Model, useModel } from "./model.ts";
import { Avatar } from "./person.tsx";
import { TooLong } from "./reason.tsx";
import type { OpenRoom } from "./room.ts";
import { over } from "./seen.ts";
import type { Session } from "./session.ts";
import { roomName } from "./title.tsx";

const SEARCH_MS = 250;
/** The longest that the server looks for. */
const LONGEST = 200;

type Found = FoundMessages["messages"][number];

/** A search, which is done a little after the last key. */
class Search extends Model {
  found: Found[] | null = null;
  next: string | null = null;
  /** Whether all of it was looked at. */
  complete = true;
  busy = false;
  code = "";
  /** What the results were found by. */
  sought = "";
  /** The rooms of the results that the page did not know. */
  readonly rooms = new Map<number, Room>();
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly session: Session,
    readonly known: (room: number) => Room | undefined,
  ) {
    super();
  }

  /** What the room of a result is called; nothing as long as that is not known. */
  roomName(id: number): string {
    const room = this.known(id) ?? this.rooms.get(id);
    return room ? roomName(room) : "";
  }

  close(): void {
    this.#asked += 1;
    clearTimeout(this.#timer);
  }

  /** Looks in this room, or everywhere. */
  look(query: string, room: number | null): void {
    this.close();
    const q = query.trim();
    this.code = "";
    this.busy = HAS_WORD.test(q) && over(q, LONGEST) === 0;
    if (this.busy) this.#timer = setTimeout(() => void this.#read(q, room, ""), SEARCH_MS);
    else this.found = this.next = null;
    this.changed();
  }

  more(room: number | null): void {
    this.busy = true;
    this.changed();
    void this.#read(this.sought, room, this.next ?? "");
  }

  async #read(q: string, room: number | null, after: string): Promise<void> {
    const asked = ++this.#asked;
    try {
      const page = await this.session.api.search({ q, after, ...(room !== null && { room }) });
      if (asked !== this.#asked) return;
      this.found = after === "" ? page.messages : [...(this.found ?? []), ...page.messages];
      this.complete = page.complete && (after === "" || this.complete);
      this.next = page.next;
      this.sought = q;
      if (room === null) this.#learn(page.messages);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.code = codeOf(error);
    }
    this.busy = false;
    this.changed();
  }

  /** Asks for the rooms that are not known. */
  #learn(messages: Found[]): void {
    for (const id of new Set(messages.map(({ room }) => room))) {
      if (this.known(id) ?? this.rooms.get(id)) continue;
      const learned = (room: Room): void => {
        this.rooms.set(id, room);
        this.changed();
      };
      // Without its name, it is a result all the same.
      void this.session.api.room(id).then(learned, () => {});
    }
  }
}

const HAS_WORD = /[\p{L}\p{N}]/u;

interface Props {
  session: Session;
  /** The room that is open. */
  room: OpenRoom;
  /** The rooms that are known, by their ids. */
  roomOf: (id: number) => Room | undefined;
  onClose: () => void;
}

export function SearchDialog({ session, room, roomOf, onClose }: Props) {
  const search = useModel(useMemo(() => new Search(session, roomOf), []));
  const [query, setQuery] = useState("");
  const [everywhere, setEverywhere] = useState(false);
  useModel(markup);
  const where = everywhere ? null : room.id;
  useEffect(() => search.look(query, where), [query, everywhere]);
  useEffect(() => () => search.close(), []);
  const { found, next, busy, code } = search;
  return (
    <Dialog title={t("searchMessages")} onClose={onClose}>
      <input class="search-field" type="search" enterkeyhint="search" autofocus autocomplete="off" aria-invalid={over(query, LONGEST) > 0} aria-label={t("searchFor")} placeholder={t("searchFor")} value={query} onInput={(event) => setQuery(event.currentTarget.value)} />
      <TooLong id="search-length" text={query} longest={LONGEST} />
      <fieldset class="choices in-a-row">
        <legend class="sr-only">{t("searchWhere")}</legend>
        {[false, true].map((each) => (
          <label key={String(each)} class="option">
            <input type="radio" name="search-where" checked={everywhere === each} onChange={() => setEverywhere(each)} />
            <span>{each ? t("everywhere") : t("inThisRoom")}</span>
          </label>
        ))}
      </fieldset>
      <p class="hint" role="status">
        {busy ? t("searching") : found && (found.length === 0 ? t("nothingFound") : t("foundMessages", { count: found.length }))}
        {found && !search.complete && ` ${t("foundIncomplete")}`}
      </p>
      {code !== "" && (
        <p class="problem" role="alert">
          {refusal(code)}
        </p>
      )}
      {query.trim() === "" && <GoToDate room={room} onGone={onClose} />}
      {found && found.length > 0 && (
        <ul class="lines found">
          {found.map((message) => (
            <li key={`${message.room} ${message.seq}`}>
              <Result message={message} plain={plainText(message.content, message, room)} query={search.sought} room={everywhere ? search.roomName(message.room) : ""} onClose={onClose} />
            </li>
          ))}
        </ul>
      )}
      {next !== null && (
        <p class="show-more">
          <button type="button" class="button quiet" disabled={busy} onClick={() => search.more(where)}>
            {t("showMore")}
          </button>
        </p>
      )}
    </Dialog>
  );
}

interface ResultProps {
  message: Found;
  plain: string;
  query: string;
  room: string;
  onClose: () => void;
}

/** A message that was found. */
function Result({ message, plain, query, room, onClose }: ResultProps) {
  const at = Date.parse(message.timestamp);
  return (
    <a class="menu-item" href={`#/rooms/${message.room}/${message.seq}`} onClick={onClose}>
      <Avatar id={message.user} name={message.username} />
      <span class="line-text">
        <span class="hint">
          <bdi>{message.username}</bdi>
          {room !== "" && (
            <>
              {" · "}
              <bdi>{room}</bdi>
            </>
          )}
          {" · "}
          <time dateTime={message.timestamp} title={exactTime(at)}>
            {lately(at)}
          </time>
        </span>
        <span class="found-text" dir="auto">
          {highlightPlain(plain, message.content, query).map((piece) => (piece.found ? <mark>{piece.text}</mark> : piece.text))}
        </span>
      </span>
    </a>
  );
}
