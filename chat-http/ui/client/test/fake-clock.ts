/** Time that stands still until a test moves it, and randomness that a seed repeats. */

import type { Clock, NetworkHints } from "../src/platform.ts";

interface Entry {
  at: number;
  order: number;
  run: (() => void) | null;
}

export class FakeClock implements Clock {
  #now = 1_750_000_000_000;
  #order = 0;
  /** A binary heap by time, then by the order of setting. */
  readonly #heap: Entry[] = [];

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): Entry {
    const entry: Entry = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#push(entry);
    return entry;
  }

  clearTimeout(timer: unknown): void {
    (timer as Entry).run = null;
  }

  /** Lets time pass: timers run in order, and promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      if (next.run === null) continue;
      this.#now = next.at;
      const { run } = next;
      next.run = null;
      run();
      await settle(4);
    }
    this.#now = end;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    for (let up = (i - 1) >> 1; i > 0 && before(entry, heap[up]!); up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      heap[up] = entry;
      i = up;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Lets the promises that are settled by now have their say. */
export async function settle(rounds = 8): Promise<void> {
  for (let i = 0; i < rounds; i++) await null;
}

/** A small seeded generator (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Network events that the test makes. */
export class FakeNetwork implements NetworkHints {
  readonly #wakes = new Set<() => void>();
  readonly #gones = new Set<() => void>();
  seen = false;

  get subscribers(): number {
    return this.#wakes.size;
  }

  subscribe(wake: () => void, gone: () => void): () => void {
    this.#wakes.add(wake);
    this.#gones.add(gone);
    return () => {
      this.#wakes.delete(wake);
      this.#gones.delete(gone);
    };
  }

  isSeen(): boolean {
    return this.seen;
  }

  go(): void {
    for (const gone of [...this.#gones]) gone();
  }

  wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
