/** What is no part of the first view, such as windows: one file has it all, which is loaded when there is time, or when a window is opened. */
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "./dialogs.tsx";
import { t } from "./language.ts";

type More = typeof import("./more.ts");

/** A file that did not come is asked for again after this long. */
const AGAIN_MS = 30_000;

let more: More | null = null;
let arrived: (all: More) => void;
const arrival = new Promise<More>((resolve) => (arrived = resolve));

async function load(): Promise<More> {
  more ??= await import("./more.ts");
  arrived(more);
  return more;
}

/** Loads it when there is nothing more urgent. */
export function loadWhenIdle(): void {
  const quietly = (): void => void load().catch(() => setTimeout(quietly, AGAIN_MS));
  if (typeof requestIdleCallback === "function") requestIdleCallback(quietly);
  else setTimeout(quietly, 1_000);
}

/** Something that nobody waits for, which is there sooner or later. */
export function sometime<Props extends object>(pick: (all: More) => FunctionComponent<Props>): FunctionComponent<Props> {
  return function Sometime(props: Props) {
    const [all, setAll] = useState(more);
    useEffect(() => void arrival.then(setAll), []);
    if (all === null) return null;
    const Part = pick(all);
    return <Part {...props} />;
  };
}

/** A window, which is shown once it is there. */
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
