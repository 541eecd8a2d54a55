/** What the widget shows. */
import { t } from "../page/language.ts";
import { NameForm } from "../page/name.tsx";
import type { OpenRoom } from "../page/room.ts";
import { Picture, RoomView } from "../page/roomview.tsx";

export function RoomFrame({ room }: { room: OpenRoom }) {
  return <RoomView room={room} eager={false} />;
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
