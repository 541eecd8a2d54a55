/** Above messages that have others before them: they are being loaded, or could not be. */
import type { Conversation } from "../conversation.ts";
import { t } from "../language.ts";

export function Earlier({ of }: { of: Conversation }) {
  return (
    <div class="more">
      {of.failedBefore ? (
        <button type="button" class="link" onClick={() => void of.loadBefore()}>
          {t("earlierFailed")}
        </button>
      ) : (
        <>
          <span class="spinner" /> <span>{t("loadingEarlier")}</span>
        </>
      )}
    </div>
  );
}
