/** What the widget shows. */
import { t } from "../page/language.ts";
import { MessageWindowHere } from "../page/messages/window-here.ts";
import { MessageWindow } from "../page/messages/windows.tsx";
import { NameForm } from "../page/name.tsx";
import type { OpenRoom } from "../page/room.ts";
import { Picture, RoomView } from "../page/roomview.tsx";

export function RoomFrame({ room }: { room: OpenRoom }) {
  return (
    <MessageWindowHere.Provider value={MessageWindow}>
      <RoomView room={room} eager={false} />
    </MessageWindowHere.Provider>
  );
}

export function AskName({ onName }: { onName: (name: string) => void }) {
  return (
    <section class="state" aria-label={t("chat")}>
      <Picture />
      <h2>{t("joinIn")}</h2>
      <p>{t("whatName")}</p>
      <NameForm name="" action={t("join")} eager={false} onName={onName} />
    </section>
  );
}

export function Problem({ text, onRetry }: { text: string; onRetry?: () => void }) {
  return (
    <div class="state" role="alert">
      <Picture />
      <p>{text}</p>
      {onRetry && (
        <button type="button" class="button quiet" onClick={onRetry}>
          {t("tryAgain")}
        </button>
      )}
    </div>
  );
}
