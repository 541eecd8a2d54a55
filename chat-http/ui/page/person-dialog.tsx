/** The window about somebody: who they are in the room, and what may be done. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Identity } from "../client/src/index.ts";
import type { Member, Room } from "./api.ts";
import { useAttempt } from "./attempt.ts";
import { Dialog } from "./dialogs.tsx";
import { exactTime, fullDay } from "./format.ts";
import { Ban, Door, Mute, People, Plus, Send } from "./icons.tsx";
import { t } from "./language.ts";
import { roleName } from "./members.tsx";
import type { Membership } from "./membership.ts";
import { useModel } from "./model.ts";
import { Avatar } from "./person.tsx";
import { RestrictForm, type Restraint } from "./restrict.tsx";
import { may, mayRestrict, rolesToGive, type Role } from "./room-rights.ts";

interface Props {
  person: Identity;
  membership: Membership;
  /** Whether this person may have rooms of two. */
  mayDirect: boolean;
  onDirect: (room: Room) => void;
  onClose: () => void;
}

/** `undefined` as long as the server has not said whether they are a member. */
type Known = Member | null | undefined;

export function PersonDialog(props: Props) {
  const { person, membership, onClose } = props;
  useModel(membership);
  const [member, setMember] = useState<Known>(() => membership.members.find(({ user }) => user === person.user));
  const [restraint, setRestraint] = useState<Restraint | null>(null);
  const { busy, problem, attempt } = useAttempt();
  useEffect(() => void (member === undefined && attempt(() => membership.find(person), setMember)), []);
  if (restraint !== null) return <RestrictForm key="restrict" {...{ restraint, person, membership, onClose }} />;
  return (
    <Dialog key="person" title={person.username} onClose={onClose}>
      <div class="profile">
        <Avatar id={person.user} name={person.username} />
        <Facts member={member} you={person.user === membership.room.session.user} />
      </div>
      <p class="problem" role="alert">
        {problem}
      </p>
      <Actions {...props} member={member} busy={busy} attempt={(what, then = onClose) => void attempt(what, then)} onRestrain={setRestraint} />
    </Dialog>
  );
}

/** What is known of somebody in the room. */
function Facts({ member, you }: { member: Known; you: boolean }) {
  return (
    <p>
      {you && <span class="fact">{t("isYou")}</span>}
      {member === null && <span class="fact">{t("noMember")}</span>}
      {member && (
        <>
          <span class="fact">{roleName(member.role)}</span>
          <span class="hint fact">{t("memberSince", { day: fullDay(Date.parse(member.joined_at)) })}</span>
          {member.muted && <span class="hint fact">{member.muted_until ? t("mutedTill", { end: exactTime(Date.parse(member.muted_until)) }) : t("isMuted")}</span>}
        </>
      )}
    </p>
  );
}

interface ActionsProps extends Props {
  member: Known;
  busy: boolean;
  attempt: (what: () => Promise<unknown>, then?: () => void) => void;
  onRestrain: (restraint: Restraint) => void;
}

function Actions(props: ActionsProps) {
  const { person, membership, mayDirect, onDirect, onClose, member, attempt } = props;
  const { info, session, id } = membership.room;
  const { api } = session;
  const you = person.user === session.user;
  if (info === null || member === undefined) return null;
  const message = async (): Promise<void> => onDirect(await api.direct(person.user, person.username));
  const bring = (): Promise<unknown> => api.setMember(id, person.user, { username: person.username });
  return (
    <div class="menu">
      {mayDirect && info.kind !== "direct" && (
        <Item icon={<Send />} busy={props.busy} onClick={() => attempt(message, onClose)}>
          {you ? t("notes") : t("writeToPerson")}
        </Item>
      )}
      {member === null && !you && may("bring", info, membership.role) && (
        <Item icon={<Plus />} busy={props.busy} onClick={() => attempt(bring)}>
          {t("addToRoom")}
        </Item>
      )}
      {member !== null && <Roles {...props} member={member} room={info} you={you} />}
      {!you && <Restraints {...props} member={member} room={info} />}
    </div>
  );
}

const GIVE: Readonly<Record<Role, "makeOwner" | "makeModerator" | "makeMember">> = { owner: "makeOwner", moderator: "makeModerator", member: "makeMember" };

function Roles({ person, membership, member, room, you, busy, attempt }: ActionsProps & { member: Member; room: Room; you: boolean }) {
  const give = (role: Role) => (): Promise<unknown> => membership.room.session.api.setMember(room.id, person.user, { role });
  return (
    <>
      {rolesToGive(room, membership.role, member.role, you).map((role) => (
        <Item key={role} icon={<People />} busy={busy} onClick={() => attempt(give(role))}>
          {t(GIVE[role])}
        </Item>
      ))}
    </>
  );
}

function Restraints({ person, membership, member, room, busy, attempt, onRestrain }: ActionsProps & { member: Member | null; room: Room }) {
  if (!mayRestrict(room, membership.role, member?.role ?? null)) return null;
  const unmute = (): Promise<unknown> => membership.room.session.api.lift(room.id, "mutes", person.user);
  return (
    <>
      {member?.muted ? (
        <Item icon={<Mute />} busy={busy} onClick={() => attempt(unmute)}>
          {t("letWrite")}
        </Item>
      ) : (
        <Item icon={<Mute />} onClick={() => onRestrain("mute")}>
          {t("mute")}
        </Item>
      )}
      {member !== null && (
        <Item icon={<Door />} danger onClick={() => onRestrain("remove")}>
          {t("remove")}
        </Item>
      )}
      <Item icon={<Ban />} danger onClick={() => onRestrain("ban")}>
        {t("ban")}
      </Item>
    </>
  );
}

function Item({ icon, danger = false, busy = false, onClick, children }: { icon: ComponentChildren; danger?: boolean; busy?: boolean; onClick: () => void; children: ComponentChildren }) {
  return (
    <button type="button" class={danger ? "menu-item danger" : "menu-item"} disabled={busy} onClick={onClick}>
      {icon} {children}
    </button>
  );
}
