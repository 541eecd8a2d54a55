/** Accounts, where the server has some: logging in, registering, another password, logging out. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Api, codeOf, type ApiError, type Me } from "./api.ts";
import { useAttempt } from "./attempt.ts";
import { Dialog } from "./dialogs.tsx";
import { refusal } from "./format.ts";
import { t } from "./language.ts";
import { BrowserStore } from "./kept/store.ts";
import { noticingLate } from "./late.ts";
import { NameForm } from "./name.tsx";
import { asName } from "./seen.ts";
import { remember, remembered } from "./storage.ts";

/** Whether the server has accounts, and who may register: it says so in the page. */
export function accounts(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=chat-accounts]")?.content ?? "none";
}

/** Whether guests may come beside those with accounts. */
export function areGuestsWelcome(): boolean {
  return document.querySelector<HTMLMetaElement>("meta[name=chat-guests]")?.content === "welcome";
}

/** Who has logged in with this browser. What proves it is a cookie that no script can read. */
const LOGIN = "chat.login";
/** Who had logged in when this browser was used last; undefined if it does not know whom, null if nobody. */
function lastLogin(): Me | null | undefined {
  const stored = remembered<unknown>("local", LOGIN, null);
  const { user, username } = (stored ?? {}) as Partial<Me>;
  if (typeof user === "string" && typeof username === "string") return { user, username };
  return stored ? undefined : null;
}

export interface Login {
  /** Who has logged in; null: nobody; undefined: it is not known yet. */
  me: Me | null | undefined;
  logIn: (name: string, password: string) => Promise<void>;
  register: (name: string, password: string, setupToken?: string) => Promise<void>;
  rename: (name: string) => Promise<void>;
  changePassword: (password: string, wanted: string) => Promise<void>;
  leave: () => Promise<void>;
  /** Forgets a login that has ended. */
  lost: () => void;
}

export function useLogin(base: URL): Login {
  const api = useMemo(() => new Api(base, () => ({ login: true })), []);
  const [me, setMe] = useState<Me | null | undefined>(() => (lastLogin() === null ? null : undefined));
  const become = (who: Me | null): void => {
    remember("local", LOGIN, who && { user: who.user, username: who.username });
    if (who === null) void new BrowserStore(base).clear();
    setMe(who);
  };
  const login = useMemo(
    () => ({
      logIn: async (name: string, password: string) => become(await api.logIn(name, password)),
      register: async (name: string, password: string, setupToken?: string) => become(await api.register(name, password, setupToken)),
      rename: async (name: string) => become(await api.rename(name)),
      changePassword: (password: string, wanted: string) => api.changePassword(password, wanted),
      leave: () => api.logOut().then(() => become(null)),
      lost: () => become(null),
    }),
    [],
  );
  useEffect(() => {
    // Without the server nobody is logged out.
    if (me !== undefined) return;
    const away = (): void => setMe((known) => known ?? lastLogin() ?? null);
    noticingLate(api.me(), () => lastLogin() && away()).then(become, (error) => (codeOf(error) === "unauthenticated" ? become(null) : away()));
  }, []);
  return { me, ...login };
}

/** Logs in, or registers: everybody where the server says so, else whoever has its setup token. */
export function LogIn({ login, onGuest }: { login: Login; onGuest?: (() => void) | undefined }) {
  const isOpen = accounts() === "open";
  const [isNew, setNew] = useState(false);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [setupToken, setSetupToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const enter = async (event: Event): Promise<void> => {
    event.preventDefault();
    const wanted = asName(name, 64);
    if (wanted === null) return setProblem(refusal("invalid_field", "username"));
    setBusy(true);
    setProblem("");
    try {
      await (isNew ? login.register(wanted, password, setupToken.trim()) : login.logIn(wanted, password));
    } catch (error) {
      const refused = error as ApiError;
      setProblem(isNew && setupToken !== "" && refused.code === "forbidden" ? t("refusedSetupToken") : why(refused));
      setBusy(false);
    }
  };
  return (
    <form class="account-form" onSubmit={enter}>
      <label for="account-name">{t("accountName")}</label>
      <input id="account-name" value={name} required autofocus autocomplete="username" aria-describedby="account-problem" onInput={(event) => setName(event.currentTarget.value)} />
      <PasswordField id="account-password" label={t("password")} isNew={isNew} value={password} problem="account-problem" onPassword={setPassword} />
      {isNew && <SetupToken value={setupToken} required={!isOpen} onToken={setSetupToken} />}
      <p id="account-problem" class="problem" role="alert">
        {problem}
      </p>
      <footer>
        <button type="button" class="link" onClick={() => (setNew(!isNew), setProblem(""), setSetupToken(""))}>
          {isNew ? t("haveAccount") : isOpen ? t("makeAccount") : t("haveSetupToken")}
        </button>
        <button type="submit" class="button push" disabled={busy}>
          {isNew ? t("register") : t("logIn")}
        </button>
      </footer>
      {onGuest && (
        <p class="other-way">
          <button type="button" class="link" onClick={onGuest}>
            {t("enterAsGuest")}
          </button>
        </p>
      )}
    </form>
  );
}

interface PasswordFieldProps {
  id: string;
  label: string;
  /** Whether it is one to choose. */
  isNew: boolean;
  /** Whether it takes the focus by itself. */
  eager?: boolean;
  value: string;
  /** The id of what tells what is wrong. */
  problem: string;
  onPassword: (password: string) => void;
}

function PasswordField({ id, label, isNew, eager = false, value, problem, onPassword }: PasswordFieldProps) {
  return (
    <>
      <label for={id}>
        {label} {isNew && <span class="hint">{t("passwordRule")}</span>}
      </label>
      <input
        id={id}
        type="password"
        value={value}
        minLength={isNew ? 8 : 1}
        required
        autofocus={eager}
        autocomplete={isNew ? "new-password" : "current-password"}
        aria-describedby={problem}
        onInput={(event) => onPassword(event.currentTarget.value)}
      />
    </>
  );
}

/** The field for the setup token, which is hidden where one can do without. */
function SetupToken({ value, required, onToken }: { value: string; required: boolean; onToken: (token: string) => void }) {
  const [isShown, setShown] = useState(required);
  if (!isShown) {
    return (
      <p class="setup">
        <button type="button" class="link" onClick={() => setShown(true)}>
          {t("haveSetupToken")}
        </button>
      </p>
    );
  }
  return (
    <>
      <label for="account-setup">
        {t("setupToken")} <span class="hint">{t("setupTokenHint")}</span>
      </label>
      <input id="account-setup" value={value} required={required} autocomplete="off" spellcheck={false} aria-describedby="account-problem" onInput={(event) => onToken(event.currentTarget.value)} />
    </>
  );
}

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

function why({ code, field }: ApiError): string {
  if (code === "unauthenticated") return t("refusedLogIn");
  if (code === "name_taken") return t("refusedUsernameTaken");
  if (field === "password" || field === "new_password") return t("refusedPasswordLength");
  return refusal(code, field);
}
