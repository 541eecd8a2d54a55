/** A network may neither answer nor fail: what can be shown without an answer does not wait for it. */

/** So long nobody minds to wait for nothing. */
export const LATE_MS = 1_000;

/** The answer; `onLate` is called once if it has not come soon. */
export async function noticingLate<T>(answer: Promise<T>, onLate: () => void): Promise<T> {
  const timer = setTimeout(onLate, LATE_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}
