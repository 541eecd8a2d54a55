/**
 * Where texts are kept from one visit to the next: IndexedDB, for one person at a time. Where it is missing, full or broken,
 * nothing is kept, and nobody notices.
 */

export interface Store {
  /** What is kept for this person; what was kept for anybody else is erased. */
  open(user: string): Promise<Map<string, string>>;
  /** Keeps these, and erases those that are null, as long as what is there is this person's. */
  write(user: string, changes: ReadonlyMap<string, string | null>): Promise<void>;
  clear(): Promise<void>;
}

const TEXTS = "texts";
/** Whose all of it is. */
const OWNER = "owner";
/** Some browsers never answer. */
const PATIENCE_MS = 2_000;

/** The store of the page at `base`. */
export class BrowserStore implements Store {
  readonly #name: string;
  #database: Promise<IDBDatabase> | undefined;

  constructor(base: URL) {
    this.#name = `chat ${base.pathname}`;
  }

  async open(user: string): Promise<Map<string, string>> {
    const kept = new Map<string, string>();
    await this.#attempt((texts) => {
      whenOwned(texts, user, () => {
        texts.openCursor().onsuccess = ({ target }) => {
          const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
          if (!cursor) return;
          if (typeof cursor.key === "string" && typeof cursor.value === "string" && cursor.key !== OWNER) kept.set(cursor.key, cursor.value);
          cursor.continue();
        };
      }, () => {
        texts.clear();
        texts.put(user, OWNER);
      });
    });
    return kept;
  }

  write(user: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    return this.#attempt((texts) => {
      whenOwned(texts, user, () => {
        for (const [key, text] of changes) text === null ? texts.delete(key) : texts.put(text, key);
      });
    });
  }

  clear(): Promise<void> {
    return this.#attempt((texts) => texts.clear());
  }

  /** Does something in one transaction, which is done with when this resolves, whether it went well or not. */
  async #attempt(act: (texts: IDBObjectStore) => void): Promise<void> {
    const done = (async () => {
      this.#database ??= opened(this.#name);
      const transaction = (await this.#database).transaction(TEXTS, "readwrite");
      act(transaction.objectStore(TEXTS));
      await new Promise((resolve) => (transaction.oncomplete = transaction.onabort = resolve));
    })();
    const late = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
    await Promise.race([done.catch(() => (this.#database = undefined)), late]);
  }
}

function whenOwned(texts: IDBObjectStore, user: string, then: () => void, otherwise = (): void => {}): void {
  const owner = texts.get(OWNER);
  owner.onsuccess = () => (owner.result === user ? then() : otherwise());
}

function opened(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TEXTS);
    request.onerror = () => reject(request.error as unknown as Error);
    request.onsuccess = () => {
      // Whoever clears the browser's data has it closed.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });
}
