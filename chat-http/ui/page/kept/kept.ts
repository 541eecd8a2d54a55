/**
 * Rooms that were open, as they were left, and the list of rooms: while the server cannot be reached, they can be read all the
 * same. The page keeps them in the browser, too, at calm moments, and has them at the next visit.
 */
import { readList, readRoom, ROOMS, tooMany, writtenAt, writtenList, writtenRoom, type KeptList, type KeptRoom } from "./form.ts";
import type { Store } from "./store.ts";

/** What has changed waits for so long, and then for a moment in which there is nothing else to do. */
const CALM_MS = 2_000;
const LIST = "list";

export class Kept {
  /** What the browser has kept is known. */
  readonly ready: Promise<void>;
  readonly #store: Store | null;
  readonly #user: string;
  readonly #rooms = new Map<number, KeptRoom>();
  /** The rooms of the last visit, as they were written. */
  readonly #written = new Map<number, string>();
  #list: KeptList = { rooms: [], own: [] };
  /** How long the texts are that the browser has, and when they were written. */
  readonly #sizes = new Map<number, { at: number; length: number }>();
  /** What is to be written: how each is now is asked for then. */
  readonly #changed = new Map<number, () => KeptRoom | null>();
  readonly #forgotten = new Set<number>();
  #changedList: (() => KeptList) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #onHide = (): void => {
    if (document.visibilityState === "hidden") void this.write();
  };

  /** Without a store, everything is forgotten with the page. */
  constructor(store: Store | null, user: string) {
    this.#store = store;
    this.#user = user;
    this.ready = this.#open();
    if (store) globalThis.document?.addEventListener("visibilitychange", this.#onHide);
  }

  /** Keeps a room that is left. */
  keep(room: KeptRoom): void {
    const { id } = room.info;
    this.#rooms.delete(id);
    this.#rooms.set(id, room);
    const oldest = this.#rooms.keys().next();
    if (this.#rooms.size > ROOMS && oldest.done !== true) this.#rooms.delete(oldest.value);
    this.note(id, () => room);
  }

  of(room: number): KeptRoom | undefined {
    const text = this.#written.get(room);
    return this.#rooms.get(room) ?? (text === undefined ? undefined : (readRoom(text, this.#user) ?? undefined));
  }

  /** The rooms of the last visit. */
  get list(): KeptList {
    return this.#list;
  }

  /** A room that is open has changed. */
  note(room: number, now: () => KeptRoom | null): void {
    if (!this.#store) return;
    this.#changed.set(room, now);
    this.#schedule();
  }

  /** The list has changed. */
  noteList(now: () => KeptList): void {
    if (!this.#store) return;
    this.#changedList = now;
    this.#schedule();
  }

  forget(room: number): void {
    this.#rooms.delete(room);
    this.#written.delete(room);
    this.#changed.delete(room);
    if (!this.#sizes.delete(room)) return;
    this.#forgotten.add(room);
    this.#schedule();
  }

  /** Forgets the rooms that there are not any more. */
  retain(isThere: (room: number) => boolean): void {
    for (const room of new Set([...this.#rooms.keys(), ...this.#sizes.keys()])) if (!isThere(room)) this.forget(room);
  }

  close(): void {
    globalThis.document?.removeEventListener("visibilitychange", this.#onHide);
    void this.write();
  }

  /** Writes what has changed. */
  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const changes = this.#changes();
    if (changes.size > 0) await this.#store?.write(this.#user, changes);
  }

  async #open(): Promise<void> {
    for (const [key, text] of (await this.#store?.open(this.#user)) ?? []) {
      const room = roomOf(key);
      if (key === LIST) this.#list = readList(text);
      if (room === null) continue;
      this.#written.set(room, text);
      this.#sizes.set(room, { at: writtenAt(text), length: text.length });
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => whenIdle(() => void this.write()), CALM_MS);
  }

  #changes(): Map<string, string | null> {
    const changes = new Map<string, string | null>();
    const at = Date.now();
    for (const room of this.#forgotten) changes.set(keyOf(room), null);
    for (const [room, now] of this.#changed) {
      const kept = now();
      if (!kept) continue;
      const text = writtenRoom(kept, at);
      changes.set(keyOf(room), text);
      this.#sizes.set(room, { at, length: text.length });
    }
    for (const room of tooMany(this.#sizes)) {
      changes.set(keyOf(room), null);
      this.#sizes.delete(room);
      this.#written.delete(room);
    }
    if (this.#changedList) changes.set(LIST, writtenList(this.#changedList()));
    this.#forgotten.clear();
    this.#changed.clear();
    this.#changedList = undefined;
    return changes;
  }
}

function keyOf(room: number): string {
  return `room ${room}`;
}

function roomOf(key: string): number | null {
  return /^room [1-9]\d{0,14}$/.test(key) ? Number(key.slice("room ".length)) : null;
}

function whenIdle(act: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(act, { timeout: CALM_MS });
  else act();
}
