/** How long to wait before the next attempt. */

const FIRST_MS = 500;
const CAP_MS = 30_000;

/**
 * Exponential with full jitter: anything between nothing and 0.5 s after the first failure in a row,
 * then 1 s, 2 s, … and never more than 30 s. Full jitter spreads the clients of a restarted server
 * evenly instead of letting them come in waves.
 */
export function backoff(failures: number, random: () => number): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, 16);
  return random() * Math.min(CAP_MS, FIRST_MS * 2 ** doublings);
}
