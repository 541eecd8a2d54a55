/** How long to wait before the next attempt. */

const FIRST_MS = 500;
const CAP_MS = 30_000;
/** While somebody looks, and the jitter of that. */
const SEEN_CAP_MS = 5_000;
const SEEN_JITTER_MS = 3_000;

/**
 * Exponential with full jitter: anything between nothing and 0.5 s after the first failure in a row,
 * then 1 s, 2 s, … and never more than 30 s. Full jitter spreads the clients of a restarted server
 * evenly instead of letting them come in waves. While somebody looks, it is never more than 5 to 8 s.
 */
export function backoff(failures: number, random: () => number, seen = false): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, 16);
  const cap = seen ? SEEN_CAP_MS + random() * SEEN_JITTER_MS : CAP_MS;
  return random() * Math.min(cap, FIRST_MS * 2 ** doublings);
}
