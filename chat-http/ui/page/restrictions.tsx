/** Who is banned from a room, and who is muted there. */
import { Dialog } from "./dialogs.tsx";
import type { Restriction, RestrictionKind } from "./api.ts";
import { exactTime } from "./format.ts";
import { rich, t } from "./language.ts";
import { PagedList } from "./paged-list.tsx";
import { usePages } from "./pages.ts";
import { Avatar } from "./person.tsx";
import type { Session } from "./session.ts";

export function RestrictionsDialog({ session, room, onClose }: { session: Session; room: number; onClose: () => void }) {
  return (
    <Dialog title={t("bansAndMutes")} onClose={onClose}>
      <h3>{t("bansTitle")}</h3>
      <Restrictions {...{ session, room }} kind="bans" />
      <h3>{t("mutesTitle")}</h3>
      <Restrictions {...{ session, room }} kind="mutes" />
    </Dialog>
  );
}

function Restrictions({ session, room, kind }: { session: Session; room: number; kind: RestrictionKind }) {
  const pages = usePages<Restriction>((after) => session.api.restrictions(room, kind, after));
  return (
    <PagedList
      pages={pages}
      none={kind === "bans" ? t("nobodyBanned") : t("nobodyMuted")}
      render={(each) => (
        <li key={each.user}>
          <Avatar id={each.user} name={each.username} />
          <span class="line-text">
            <bdi>{each.username}</bdi>
            <span class="hint">
              {each.until === null ? t("forGood") : t("till", { end: exactTime(Date.parse(each.until)) })} · {rich("byWhom", { who: each.by_username ?? t("theServer") })}
            </span>
            {each.reason && (
              <span class="hint">
                <bdi>{each.reason}</bdi>
              </span>
            )}
          </span>
          <button type="button" class="button quiet" aria-label={t("liftOf", { whom: each.username })} onClick={() => pages.without(each, () => session.api.lift(room, kind, each.user))}>
            {t("lift")}
          </button>
        </li>
      )}
    />
  );
}
