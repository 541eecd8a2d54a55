/**
 * What the worker has an answer for: the page itself, and the files that belong to its version. Everything else, such as the
 * API, sockets, the documentation and what a host has beside the page, goes its way as if there were no worker.
 */

/** The files of one version: what each is asked for by, relative to the page, and the digest of what it holds. */
export interface Shell {
  version: string;
  files: Readonly<Record<string, string>>;
}

/** As much of a request as is looked at. */
export interface Asked {
  url: string;
  method: string;
  mode: string;
}

/** `page`: asked of the server first. `file`: kept, since its address says which version it is of. */
export type Kind = "page" | "file" | null;

/** What is asked for. `folder` is where the page is, and ends with a slash. */
export function kindOf({ url, method, mode }: Asked, folder: URL): Kind {
  const { origin, pathname, search } = new URL(url);
  if (method !== "GET" || origin !== folder.origin) return null;
  if (mode === "navigate") return pathname === folder.pathname ? "page" : null;
  const name = pathname.startsWith(folder.pathname) ? pathname.slice(folder.pathname.length) : "";
  return FILE.test(name) && VERSION.test(search) ? "file" : null;
}

const FILE = /^[\w-]+\.(?:js|css|json)$/;
const VERSION = /^\?v=[0-9a-f]{16}$/;

/** What to do with the server's answer to a question for the page. */
export type Verdict =
  /** It is the page of the worker's version: show it, and keep it, since it says how the server is set up. */
  | "keep"
  /** It is the page of another version, which brings its own files; or something for this person, such as a log-in: show it. */
  | "show"
  /** The server is not there: show the page that was kept. */
  | "away"
  /** Something else stands in the place of the page: show it, and be gone. */
  | "leave";

export function verdictOn({ status, ok, text }: { status: number; ok: boolean; text: string }, version: string): Verdict {
  if (status >= 500) return "away";
  const found = versionIn(text);
  if (ok) return found === null ? "leave" : found === version ? "keep" : "show";
  return status === 404 || status === 410 ? "leave" : "show";
}

/** The version that a page says it is of. */
export function versionIn(page: string): string | null {
  return /<meta name="chat-version" content="([0-9a-f]{16})">/.exec(page)?.[1] ?? null;
}

/** What is kept of the page in one folder begins with this; the version follows. */
export function cachesOf(folder: URL): string {
  return `chat ${folder.pathname} `;
}

/**
 * Which of these caches, in the order of their making, are to go: all of this folder but the newest, and the one before it,
 * which pages that are still open may need.
 */
export function outdated(names: string[], folder: URL, version: string): string[] {
  const own = names.filter((name) => name.startsWith(cachesOf(folder)));
  const newest = cachesOf(folder) + version;
  return own.filter((name) => name !== newest).slice(0, -1);
}
