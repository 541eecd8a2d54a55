/** UUIDs of version 7 (RFC 9562): they begin with the time, so keys sort in the order they were made. */

const COUNTER_LIMIT = 0x1000;

/**
 * Makes a generator whose every UUID is greater than the one before, also within a millisecond and
 * when the clock is set back: the 12 bits after the version count on from a random start.
 */
export function uuidGenerator(now: () => number, fill: (bytes: Uint8Array) => unknown): () => string {
  let lastMs = -1;
  let counter = 0;
  return () => {
    const bytes = new Uint8Array(16);
    fill(bytes);
    const ms = Math.floor(now());
    if (ms > lastMs) {
      lastMs = ms;
      // The top bit stays free, so that a millisecond has room for at least 2,048 keys.
      counter = ((bytes[6]! << 8) | bytes[7]!) & 0x7ff;
    } else if (++counter === COUNTER_LIMIT) {
      lastMs += 1;
      counter = 0;
    }
    for (let i = 0; i < 6; i++) bytes[i] = Math.floor(lastMs / 2 ** (8 * (5 - i))) % 256;
    bytes[6] = 0x70 | (counter >> 8);
    bytes[7] = counter & 0xff;
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    return format(bytes);
  };
}

function format(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A new UUIDv7: the key of a send. Each is greater than the one before. */
export const uuidv7: () => string = uuidGenerator(
  () => Date.now(),
  (bytes) => crypto.getRandomValues(bytes),
);
