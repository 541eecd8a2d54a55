/** Windows that are no part of the first view: one file has them all, which is loaded when there is time, or when one is opened. */
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "./dialogs.tsx";
import { t } from "./language.ts";

type More = typeof import("./more.ts");

let more: More | null = null;

async function load(): Promise<More> {
  return (more ??= await import("./more.ts"));
}

/** Loads them when there is nothing more urgent. */
export function loadWhenIdle(): void {
  const quietly = (): void => void load().catch(() => {});
  if (typeof requestIdleCallback === "function") requestIdleCallback(quietly);
  else setTimeout(quietly, 1_000);
}

/** One of them, which is shown once it is there. */
export function later<Props extends { onClose: () => void }>(pick: (all: More) => FunctionComponent<Props>): FunctionComponent<Props> {
  return function Later(props: Props) {
    const [all, setAll] = useState(more);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (all === null) load().then(setAll, () => setFailed(true));
    }, []);
    if (failed) return <NotLoaded onClose={props.onClose} />;
    if (all === null) return null;
    const Window = pick(all);
    return <Window {...props} />;
  };
}

function NotLoaded({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("chat")} onClose={onClose}>
      <p role="alert">{t("refusedOffline")}</p>
    </Dialog>
  );
}
