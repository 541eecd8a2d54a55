/** Whether one is told outside of the page, as the person and the browser have it. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../language.ts";
import { useModel } from "../model.ts";
import { settings } from "./settings.ts";
import { state } from "./permission.ts";

const HELP = "notifications-help";

export function NotificationsField() {
  const { declined } = useModel(settings);
  const permission = usePermission();
  const now = state(permission, declined);
  if (now === "none") return null;
  const choose = async (wanted: boolean): Promise<void> => {
    settings.setDeclined(!wanted);
    if (!wanted || permission !== "default") return;
    await Notification.requestPermission();
    // What the browser was told shows with the next drawing, even if it tells of no change.
    settings.setDeclined(false);
  };
  return (
    <fieldset class="choices">
      <legend>{t("notifications")}</legend>
      <label class="option">
        <input type="checkbox" checked={now === "on"} disabled={now === "blocked"} aria-describedby={now === "blocked" ? HELP : undefined} onChange={(event) => void choose(event.currentTarget.checked)} />
        <span>{t("notificationsHelp")}</span>
      </label>
      <p id={HELP} class="hint" role="status">
        {now === "blocked" && t("notificationsBlocked")}
      </p>
    </fieldset>
  );
}

/** What the browser allows now; it can be changed beside the page. */
function usePermission(): NotificationPermission | undefined {
  const [, redraw] = useState({});
  useEffect(() => {
    let isOver = false;
    let status: PermissionStatus | undefined;
    const changed = (): void => redraw({});
    navigator.permissions?.query({ name: "notifications" }).then(
      (now) => {
        if (isOver) return;
        status = now;
        status.addEventListener("change", changed);
      },
      () => {},
    );
    return () => {
      isOver = true;
      status?.removeEventListener("change", changed);
    };
  }, []);
  return typeof Notification === "undefined" ? undefined : Notification.permission;
}
