/** Accounts, where the server has some: logging in, registering, logging out. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Api, codeOf, type ApiError, type Me } from "./api.ts";
import { Dialog } from "./dialogs.tsx";
import { refusal } from "./format.ts";
import { NameForm } from "./name.tsx";
import { asName } from "./seen.ts";
import { remember, remembered } from "./storage.ts";

/** Whether the server has accounts, and who may register: it says so in the page. */
export function accounts(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=chat-accounts]")?.content ?? "none";
}

/** Whether somebody has logged in with this browser. Who that is, a cookie says that no script can read. */
const LOGIN = "chat.login";

export interface Login {
  /** Who has logged in; null: nobody; undefined: it is not known yet. */
  me: Me | null | undefined;
  enter: (way: "logIn" | "register", name: string, password: string) => Promise<void>;
  rename: (name: string) => Promise<void>;
  leave: () => Promise<void>;
  /** Forgets a login that has ended. */
  lost: () => void;
}

export function useLogin(base: URL): Login {
  const api = useMemo(() => new Api(base, () => ({ login: true })), []);
  const [me, setMe] = useState<Me | null | undefined>(() => (remembered("local", LOGIN, false) ? undefined : null));
  const become = (who: Me | null): void => {
    remember("local", LOGIN, who && true);
    setMe(who);
  };
  const login = useMemo(
    () => ({
      enter: async (way: "logIn" | "register", name: string, password: string) => become(await api[way](name, password)),
      rename: async (name: string) => setMe(await api.rename(name)),
      leave: () => api.logOut().then(() => become(null)),
      lost: () => become(null),
    }),
    [],
  );
  useEffect(() => {
    // Without the server nobody is logged out.
    if (me === undefined) api.me().then(setMe, (error) => (codeOf(error) === "unauthenticated" ? become(null) : setMe(null)));
  }, []);
  return { me, ...login };
}

/** Logs in, or registers. */
export function LogIn({ login }: { login: Login }) {
  const mayRegister = accounts() === "open";
  const [isNew, setNew] = useState(false);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const enter = async (event: Event): Promise<void> => {
    event.preventDefault();
    const wanted = asName(name, 64);
    if (wanted === null) return setProblem(refusal("invalid_field", "username"));
    setBusy(true);
    setProblem("");
    try {
      await login.enter(isNew ? "register" : "logIn", wanted, password);
    } catch (error) {
      setProblem(why(error as ApiError));
      setBusy(false);
    }
  };
  return (
    <form class="account-form" onSubmit={enter}>
      <label for="account-name">Name</label>
      <input id="account-name" value={name} maxLength={64} required autofocus autocomplete="username" aria-describedby="account-problem" onInput={(event) => setName(event.currentTarget.value)} />
      <label for="account-password">
        Password {isNew && <span class="hint">8 characters or more</span>}
      </label>
      <input
        id="account-password"
        type="password"
        value={password}
        minLength={isNew ? 8 : 1}
        maxLength={256}
        required
        autocomplete={isNew ? "new-password" : "current-password"}
        aria-describedby="account-problem"
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      <p id="account-problem" class="problem" role="alert">
        {problem}
      </p>
      <footer>
        {mayRegister && (
          <button type="button" class="link" onClick={() => (setNew(!isNew), setProblem(""))}>
            {isNew ? "I have an account" : "Make an account"}
          </button>
        )}
        <button type="submit" class="button push" disabled={busy}>
          {isNew ? "Register" : "Log in"}
        </button>
      </footer>
    </form>
  );
}

/** Changes the name that is shown, and logs out. */
export function AccountDialog({ login, onClose }: { login: Login; onClose: () => void }) {
  const [problem, setProblem] = useState("");
  const attempt = (what: Promise<void>): void => void what.then(onClose, (error) => setProblem(why(error as ApiError)));
  return (
    <Dialog title="Your account" onClose={onClose}>
      <p>The others see your name beside what you write. What you wrote before keeps the old one, and so does the name to log in with.</p>
      <NameForm name={login.me?.username ?? ""} action="Save" onName={(chosen) => attempt(login.rename(chosen))} />
      <p class="problem" role="alert">
        {problem}
      </p>
      <footer>
        <button type="button" class="button quiet push" onClick={() => attempt(login.leave())}>
          Log out
        </button>
      </footer>
    </Dialog>
  );
}

function why({ code, field }: ApiError): string {
  if (code === "unauthenticated") return "The name or the password is wrong.";
  if (code === "name_taken") return "Somebody has that name already.";
  if (field === "password") return "A password has 8 to 256 characters.";
  return refusal(code, field);
}
