/** Tells what comes outside of the page, and asks whether this person wants to be told. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Desktop } from "./desktop.ts";
import { t } from "./language.ts";
import { useModel } from "./model.ts";
import type { OpenRoom } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Session } from "./session.ts";
import { settings } from "./settings/settings.ts";

interface Props {
  session: Session;
  rooms: Rooms;
  /** The room that is open. */
  room: OpenRoom | null;
}

export function DesktopNotes({ session, rooms, room }: Props) {
  const desktop = useMemo(() => new Desktop(session, rooms), []);
  useEffect(() => () => desktop.close(), []);
  useEffect(() => room?.onEvent((event) => desktop.heard(event)), [room]);
  return <Question desktop={desktop} />;
}

function Question({ desktop }: { desktop: Desktop }) {
  const [withSound, setWithSound] = useState(settings.sound);
  if (!useModel(desktop).asks) return null;
  return (
    <div class="toast" role="status">
      <p>{t("tellOutside")}</p>
      <label class="option">
        <input type="checkbox" checked={withSound} onChange={(event) => setWithSound(event.currentTarget.checked)} />
        <span>{t("withSound")}</span>
      </label>
      <button type="button" class="button quiet" onClick={() => void desktop.answer(false)}>
        {t("notNow")}
      </button>
      <button type="button" class="button" onClick={() => void desktop.answer(true, withSound)}>
        {t("turnOn")}
      </button>
    </div>
  );
}
