/** Notes that a browser shows outside of the page. */

export interface Note {
  title: string;
  body: string;
  /** A later note with the same tag takes its place. */
  tag: string;
  /** Where a click on it leads, within the page. */
  hash: string;
}

/** A way to show a note: false, or an error, if there is none in this browser. */
export type Way = (note: Note) => Promise<boolean>;

/** Shows the note by the first of these ways that is one. Where there is none, nothing happens. */
export async function show(note: Note, ways: readonly Way[] = [byWorker, byPage]): Promise<void> {
  for (const way of ways) {
    try {
      if (await way(note)) return;
    } catch {
      // The next one, then.
    }
  }
}

/** The worker hears of the click. On Android there is no other way, and a note stays when the page is closed. */
async function byWorker({ title, body, tag, hash }: Note): Promise<boolean> {
  const registration = await navigator.serviceWorker?.getRegistration();
  // A host may have a worker of its own around the page.
  if (!registration?.active || registration.scope !== new URL("./", document.baseURI).href) return false;
  await registration.showNotification(title, { body, tag, data: { hash } });
  return true;
}

async function byPage({ title, body, tag, hash }: Note): Promise<boolean> {
  const shown = new Notification(title, { body, tag });
  shown.onclick = () => {
    window.focus();
    location.hash = hash;
    shown.close();
  };
  return true;
}
