/** The first message of a day: the server has no query by time, so it is found by halving. */

/** The first message with this number or a later one; null if there is none. */
export type Probe = (seq: number) => Promise<{ seq: number; at: number } | null>;

/** Enough for a million events; in a longer room, the message may be a little late. */
const MOST_PROBES = 20;

/** The number of the first message that is not older than `at`; null if all are. Times go up with the numbers. */
export async function firstSince(at: number, head: number, probe: Probe): Promise<number | null> {
  let found: number | null = null;
  // What is looked for has a number from `low` on, and is `found` if it has none below `high`.
  let [low, high] = [1, head + 1];
  for (let probes = 0; low < high && probes < MOST_PROBES; probes++) {
    const middle = Math.floor((low + high) / 2);
    const message = await probe(middle);
    if (message !== null && message.at < at) low = message.seq + 1;
    else {
      high = middle;
      if (message !== null) found = message.seq;
    }
  }
  return found;
}

/** When the day begins that a field of the type `date` names; null if it names none. */
export function beginningOf(date: string): number | null {
  const [, year, month, day] = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(date) ?? [];
  const at = new Date(Number(year), Number(month) - 1, Number(day)).getTime();
  return Number.isNaN(at) ? null : at;
}
