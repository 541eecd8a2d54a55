/** The thread of a message, beside its room; where there is no room for both, in front of it. */
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Identity } from "../../client/src/index.ts";
import { closeOnBack } from "../back.ts";
import { Composer } from "../composer.tsx";
import { refusal } from "../format.ts";
import { Close } from "../icons.tsx";
import { t } from "../language.ts";
import type { MessageList } from "../list.tsx";
import { useModel } from "../model.ts";
import type { Role } from "../room-rights.ts";
import { roomName } from "../title.tsx";
import { sourcesOf } from "../writing/sources.ts";
import { MessageActions } from "./actions.ts";
import { Earlier } from "./earlier.tsx";
import { Messages } from "./messages.tsx";
import type { OpenThread } from "./thread.ts";

interface Props {
  thread: OpenThread;
  role: Role | null;
  onPerson: ((person: Identity) => void) | undefined;
  /** Whether one can write at once. */
  eager: boolean;
  onClose: () => void;
}

export function ThreadPanel({ thread, role, onPerson, eager, onClose }: Props) {
  const { info, session, id, status } = useModel(thread);
  const panel = useRef<HTMLElement>(null);
  const list = useRef<MessageList>(null);
  const actions = useMemo(() => new MessageActions(thread), [thread]);
  actions.role = role;
  const write = (): void => panel.current?.querySelector<HTMLElement>(".composer textarea")?.focus();
  useLayoutEffect(() => {
    const before = (panel.current?.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    panel.current?.querySelector("h2")?.focus();
    return () => before?.focus();
  }, []);
  useEffect(() => closeOnBack(onClose), []);
  const onKey = (event: KeyboardEvent): void => {
    // What is open in the panel is closed first.
    const isElsewhere = event.defaultPrevented || (event.target as Element).closest("dialog") !== null;
    if (event.key === "Escape" && !isElsewhere) onClose();
  };
  return (
    <aside class="thread" ref={panel} aria-labelledby="thread-title" onKeyDown={onKey}>
      <header>
        <div class="thread-title">
          <h2 id="thread-title" tabIndex={-1}>
            {t("thread")}
          </h2>
          {info && (
            <p class="hint">
              <bdi>{roomName(info)}</bdi>
            </p>
          )}
        </div>
        <button type="button" class="icon-button" aria-label={t("close")} title={t("close")} onClick={onClose}>
          <Close />
        </button>
      </header>
      {status === "ready" ? (
        <Messages
          room={thread}
          actions={actions}
          role={role}
          label={t("messagesInThread")}
          handle={list}
          top={thread.timeline.hasBefore && <Earlier of={thread} />}
          onPerson={onPerson}
          onWrite={write}
          onEscape={onClose}
        />
      ) : (
        <Instead thread={thread} />
      )}
      {thread.missing && (
        <p class="missing" role="status">
          {t("noMessage")}
        </p>
      )}
      <Composer key={thread.thread} session={session} room={id} thread={thread.thread} name="" sources={sourcesOf(thread, role)} eager={eager} actions={actions} onUp={() => list.current?.focusLast()} />
    </aside>
  );
}

/** What stands where the messages would: while they load, and when they do not. */
function Instead({ thread }: { thread: OpenThread }) {
  if (thread.status === "loading") {
    return (
      <div class="state" role="status">
        <span class="spinner" /> <span class="sr-only">{t("loading")}</span>
      </div>
    );
  }
  return (
    <div class="state" role="alert">
      <p>
        {thread.code === "message_not_found" ? t("noMessage") : refusal(thread.code)}
      </p>
      <button type="button" class="button quiet" onClick={() => thread.tryAgain()}>
        {t("tryAgain")}
      </button>
    </div>
  );
}
