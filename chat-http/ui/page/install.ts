/** Sets the service worker up, with which the page can be installed and opens offline. Where there is none, nothing is missing. */

/** The one script that may become a worker: whatever else asks for one is refused (`trusted-types` of the policy). */
const WORKER = "sw.js";

interface TrustedTypes {
  createPolicy: (name: string, rules: { createScriptURL: () => string }) => { createScriptURL: (ignored: string) => string };
}

/** Has the browser take the worker of the page at `base`, once it has nothing more urgent to do. */
export function install(base: URL): void {
  if (!isSecureContext || !("serviceWorker" in navigator)) return;
  const url = new URL(WORKER, base).href;
  const { serviceWorker } = navigator;
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const register = async (): Promise<void> => {
    try {
      const script = trustedTypes?.createPolicy("chat-worker", { createScriptURL: () => url }).createScriptURL(url) ?? url;
      await serviceWorker.register(script, { scope: base.pathname });
    } catch {
      // Private windows, and browsers that were told to have none.
    }
  };
  // A note outside of the page was clicked: the worker knows where that leads.
  serviceWorker.addEventListener("message", ({ data }: MessageEvent<{ hash?: unknown } | null>) => {
    if (typeof data?.hash === "string") location.hash = data.hash;
  });
  if (document.readyState === "complete") void register();
  else addEventListener("load", () => void register(), { once: true });
}
