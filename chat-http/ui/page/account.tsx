/** Accounts, where the server has some: who has logged in, logging in, registering. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Api, codeOf, type ApiError, type Me } from "./api.ts";
import { refusal } from "./format.ts";
import { t } from "./language.ts";
import { BrowserStore } from "./kept/store.ts";
import { noticingLate } from "./late.ts";
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

export function PasswordField({ id, label, isNew, eager = false, value, problem, onPassword }: PasswordFieldProps) {
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

/** Why the server refuses something about an account. */
export function why({ code, field }: ApiError): string {
  if (code === "unauthenticated") return t("refusedLogIn");
  if (code === "name_taken") return t("refusedUsernameTaken");
  if (field === "password" || field === "new_password") return t("refusedPasswordLength");
  return refusal(code, field);
}
