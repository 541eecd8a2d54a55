/** What a click on a note outside of the page leads to. */

/** As much of an open page as is looked at. */
export interface Open {
  url: string;
  focused: boolean;
  visibilityState: DocumentVisibilityState;
}

/** Where the note leads within the page. What is no such place is the page itself. */
export function hashOf(data: unknown): string {
  const { hash } = (data ?? {}) as { hash?: unknown };
  return typeof hash === "string" && hash.startsWith("#/") ? hash : "#/";
}

/** The page in this folder that is to lead there: the one that was looked at last, which is the order they come in. */
export function pageFor<Page extends Open>(open: readonly Page[], folder: URL): Page | undefined {
  const ours = open.filter(({ url }) => {
    const { origin, pathname } = new URL(url);
    return origin === folder.origin && pathname === folder.pathname;
  });
  return ours.find(({ focused }) => focused) ?? ours.find(({ visibilityState }) => visibilityState === "visible") ?? ours[0];
}
