/** The server's time: clocks of devices are wrong more often than one thinks. */

let offset = 0;

/** A smaller difference may be the way that the answer took. */
const TOLERATED_MS = 2_000;

/** Takes note of what the server's clock says just now. */
export function learnTime(server: number, local = Date.now()): void {
  if (Number.isNaN(server)) return;
  const found = server - local;
  if (Math.abs(found - offset) > TOLERATED_MS) offset = Math.abs(found) > TOLERATED_MS ? found : 0;
}

/** What time it is at the server, as far as it is known. */
export function serverNow(): number {
  return Date.now() + offset;
}
