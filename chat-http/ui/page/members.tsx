/** The people of a room: who is here now, and its other members, with what they are in it. */
import { useEffect } from "preact/hooks";
import type { Identity } from "../client/src/index.ts";
import { refusal } from "./format.ts";
import { Mute, Search } from "./icons.tsx";
import { t } from "./language.ts";
import type { Membership } from "./membership.ts";
import { useModel } from "./model.ts";
import { Avatar } from "./person.tsx";
import type { Role } from "./room-rights.ts";
import type { OpenRoom } from "./room.ts";
import { Dots } from "./roomview.tsx";

interface Props {
  room: OpenRoom;
  membership: Membership;
  onPerson: (person: Identity) => void;
}

/** Fewer are seen at a glance. */
const SEARCHED = 8;

export function Members({ room, membership, onPerson }: Props) {
  useModel(membership);
  useEffect(() => membership.show(), [membership]);
  const { members, query, next, count, code } = membership;
  const here = found(room.people?.identities ?? [], query);
  const online = new Set(room.people?.identities.map(({ user }) => user));
  const away = members.filter(({ user }) => !online.has(user));
  const byUser = new Map(members.map((member) => [member.user, member]));
  const typists = new Set(room.typing.map(({ user }) => user));
  const line = (person: Identity, isHere: boolean) => {
    const member = byUser.get(person.user);
    return <Line key={person.user} {...{ person, isHere, onPerson }} role={member?.role} muted={member?.muted === true} you={person.user === room.session.user} typing={typists.has(person.user)} />;
  };
  return (
    <div class="members">
      {(count > SEARCHED || query !== "") && <Find membership={membership} />}
      {here.length > 0 ? <ul>{here.map((person) => line(person, true))}</ul> : query === "" && <p class="hint">{(room.people?.count ?? 0) > 0 ? t("onlyCounted") : t("nobodyHere")}</p>}
      {(away.length > 0 || next !== null) && (
        <>
          <h3>
            {t("notHereNow")} {query === "" && <span class="count">{t("membersInAll", { count })}</span>}
          </h3>
          <ul>{away.map((person) => line(person, false))}</ul>
        </>
      )}
      {query !== "" && here.length + away.length === 0 && !membership.loading && <p class="hint">{t("nobodyCalled", { name: query.trim() })}</p>}
      {next !== null && (
        <button type="button" class="button quiet" disabled={membership.loading} onClick={() => void membership.more()}>
          {t("showMore")}
        </button>
      )}
      {code !== "" && (
        <p class="problem" role="alert">
          {refusal(code)}
        </p>
      )}
    </div>
  );
}

function Find({ membership }: { membership: Membership }) {
  return (
    <div class="search" role="search">
      <Search />
      <input type="text" inputMode="search" autocomplete="off" aria-label={t("findPerson")} placeholder={t("findPerson")} value={membership.query} onInput={(event) => membership.search(event.currentTarget.value)} />
    </div>
  );
}

interface LineProps {
  person: Identity;
  isHere: boolean;
  role: Role | undefined;
  muted: boolean;
  you: boolean;
  typing: boolean;
  onPerson: (person: Identity) => void;
}

function Line({ person, isHere, role, muted, you, typing, onPerson }: LineProps) {
  return (
    <li>
      <button type="button" class="member" aria-haspopup="dialog" onClick={() => onPerson({ user: person.user, username: person.username })}>
        <span class={isHere ? "presence" : ""}>
          <Avatar id={person.user} name={person.username} />
        </span>
        <bdi class="person">{person.username}</bdi>
        {you && <span class="hint">{t("isYou")}</span>}
        {typing && <Dots />}
        {muted && (
          <span class="sign" title={t("isMuted")}>
            <Mute />
            <span class="sr-only">{t("isMuted")}</span>
          </span>
        )}
        {role !== undefined && role !== "member" && <span class="role">{roleName(role)}</span>}
      </button>
    </li>
  );
}

export function roleName(role: Role): string {
  return t(role === "owner" ? "owner" : role === "moderator" ? "moderator" : "member");
}

/** Those whose names begin with it, as the server searches members. */
function found(people: Identity[], query: string): Identity[] {
  const wanted = fold(query);
  return wanted === "" ? people : people.filter(({ username }) => fold(username).startsWith(wanted));
}

function fold(text: string): string {
  return text.trim().normalize("NFKC").toLowerCase();
}
