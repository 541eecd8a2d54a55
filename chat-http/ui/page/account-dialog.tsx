/** The window of one's account: another name, another password, logging out. */
import { useState } from "preact/hooks";
import { PasswordField, why, type Login } from "./account.tsx";
import type { ApiError } from "./api.ts";
import { useAttempt } from "./attempt.ts";
import { Dialog } from "./dialogs.tsx";
import { t } from "./language.ts";
import { NameForm } from "./name.tsx";

/** Changes the name that is shown and the password, and logs out. */
export function AccountDialog({ login, onClose }: { login: Login; onClose: () => void }) {
  const [problem, setProblem] = useState("");
  const [isChanging, setChanging] = useState(false);
  const [isChanged, setChanged] = useState(false);
  const attempt = (what: Promise<void>): void => void what.then(onClose, (error) => setProblem(why(error as ApiError)));
  if (isChanging) {
    return (
      <Dialog key="password" title={t("changePassword")} onClose={onClose}>
        <PasswordForm login={login} onDone={(done) => (setChanging(false), setChanged(done))} />
      </Dialog>
    );
  }
  return (
    <Dialog key="account" title={t("yourAccount")} onClose={onClose}>
      <p>{t("accountHelp")}</p>
      <NameForm name={login.me?.username ?? ""} action={t("save")} onName={(chosen) => attempt(login.rename(chosen))} />
      <p class="problem" role="alert">
        {problem}
      </p>
      <p role="status">{isChanged && t("passwordChanged")}</p>
      <footer>
        <button type="button" class="button quiet" onClick={() => setChanging(true)}>
          {t("changePassword")}
        </button>
        <button type="button" class="button quiet push" onClick={() => attempt(login.leave())}>
          {t("logOut")}
        </button>
      </footer>
    </Dialog>
  );
}

function PasswordForm({ login, onDone }: { login: Login; onDone: (isChanged: boolean) => void }) {
  const [password, setPassword] = useState("");
  const [wanted, setWanted] = useState("");
  const { busy, problem, attempt } = useAttempt((refused) => (refused.code === "forbidden" ? t("refusedPassword") : why(refused)));
  const change = (event: Event): void => {
    event.preventDefault();
    void attempt(() => login.changePassword(password, wanted), () => onDone(true));
  };
  return (
    <form onSubmit={change}>
      {/* For whatever keeps passwords. */}
      <input type="text" value={login.me?.username ?? ""} autocomplete="username" readOnly hidden />
      <PasswordField id="password-old" label={t("currentPassword")} isNew={false} eager value={password} problem="password-problem" onPassword={setPassword} />
      <PasswordField id="password-new" label={t("newPassword")} isNew value={wanted} problem="password-problem" onPassword={setWanted} />
      <p id="password-problem" class="problem" role="alert">
        {problem}
      </p>
      <footer>
        <button type="button" class="button quiet push" onClick={() => onDone(false)}>
          {t("cancel")}
        </button>
        <button type="submit" class="button" disabled={busy}>
          {t("changePassword")}
        </button>
      </footer>
    </form>
  );
}
