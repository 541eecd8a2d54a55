/** Links that bring people into a room: making, copying and taking them back; and the page that such a link opens. */
import { useState } from "preact/hooks";
import type { Invite, Room } from "./api.ts";
import { useAttempt } from "./attempt.ts";
import { useCopying } from "./copy.ts";
import { Dialog } from "./dialogs.tsx";
import { exactTime, refusal } from "./format.ts";
import { Check, Copy, Trash } from "./icons.tsx";
import { number, rich, t } from "./language.ts";
import { PagedList } from "./paged-list.tsx";
import { usePages, type Pages } from "./pages.ts";
import { spanName } from "./restrict.tsx";
import { Picture } from "./roomview.tsx";
import type { Session } from "./session.ts";

const HOUR_S = 3_600;
const LIFETIMES = [HOUR_S, 24 * HOUR_S, 7 * 24 * HOUR_S, 30 * 24 * HOUR_S];
/** How many may come in by a link; 0: as many as like. */
const USES = [1, 5, 25, 0];

const CODE = /^#\/invite\/([\w-]{1,64})$/;

/** The code of the invite that the address names. */
export function inviteIn(hash: string): string | null {
  return CODE.exec(hash)?.[1] ?? null;
}

export function InvitesDialog({ session, room, onClose }: { session: Session; room: number; onClose: () => void }) {
  const pages = usePages<Invite>((after) => session.api.invites(room, after));
  return (
    <Dialog title={t("inviteLinks")} onClose={onClose}>
      <p class="hint">{t("inviteHelp")}</p>
      <NewInvite {...{ session, room }} onMade={pages.add} />
      <PagedList pages={pages} none={t("noInvites")} render={(invite) => <InviteLine key={invite.code} {...{ session, room, invite, pages }} />} />
    </Dialog>
  );
}

function NewInvite({ session, room, onMade }: { session: Session; room: number; onMade: (invite: Invite) => void }) {
  const [lifetime, setLifetime] = useState(LIFETIMES[2] ?? HOUR_S);
  const [uses, setUses] = useState(0);
  const { busy, problem, attempt } = useAttempt();
  const make = (event: Event): void => {
    event.preventDefault();
    void attempt(() => session.api.invite(room, { expires_in_s: lifetime, ...(uses > 0 && { max_uses: uses }) }), onMade);
  };
  return (
    <form class="new-invite" onSubmit={make}>
      <div class="pair">
        <label>
          {t("howLong")}
          <select value={lifetime} onChange={(event) => setLifetime(Number(event.currentTarget.value))}>
            {LIFETIMES.map((each) => (
              <option key={each} value={each}>
                {spanName(each * 1_000)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("forHowMany")}
          <select value={uses} onChange={(event) => setUses(Number(event.currentTarget.value))}>
            {USES.map((each) => (
              <option key={each} value={each}>
                {each === 0 ? t("noLimit") : number(each)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" class="button" disabled={busy}>
        {t("makeLink")}
      </button>
    </form>
  );
}

function InviteLine({ session, room, invite, pages }: { session: Session; room: number; invite: Invite; pages: Pages<Invite> }) {
  const link = new URL(`#/invite/${invite.code}`, session.api.base).href;
  const { copied, copy } = useCopying(link);
  return (
    <li>
      <span class="line-text">
        <bdi class="link-text">{link}</bdi>
        <span class="hint">
          {t("till", { end: exactTime(Date.parse(invite.expires_at)) })} · {invite.max_uses === null ? t("usedTimes", { count: invite.uses }) : t("usedOf", { used: number(invite.uses), limit: number(invite.max_uses) })} ·{" "}
          {rich("byWhom", { who: invite.by_username ?? t("theServer") })}
        </span>
      </span>
      <button type="button" class="icon-button" aria-label={copied ? t("copied") : t("copyLink")} title={t("copyLink")} onClick={copy}>
        {copied ? <Check /> : <Copy />}
      </button>
      <button type="button" class="icon-button" aria-label={t("revokeLink")} title={t("revokeLink")} onClick={() => pages.without(invite, () => session.api.revoke(room, invite.code))}>
        <Trash />
      </button>
    </li>
  );
}

/** Stands in the place of a room when a link has brought somebody here: what room it is, the server says only to those who come in. */
export function Invitation({ session, code, onRoom }: { session: Session; code: string; onRoom: (room: Room) => void }) {
  const { busy, problem, attempt } = useAttempt(({ code }) => (code === "room_not_found" ? t("inviteOver") : refusal(code)));
  return (
    <div class="nowhere">
      <div class="state">
        <Picture />
        <h2>{t("youAreInvited")}</h2>
        <p>{rich("invitedAs", { name: session.name })}</p>
        <p class="problem" role="alert">
          {problem}
        </p>
        <button type="button" class="button" disabled={busy} onClick={() => void attempt(() => session.api.accept(code), onRoom)}>
          {t("joinRoom")}
        </button>
        <a class="link" href="#/">
          {t("toRooms")}
        </a>
      </div>
    </div>
  );
}
