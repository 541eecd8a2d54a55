/** Why something was refused, and what close codes tell the client to do. */

import type { Frame } from "./protocol.ts";

/** Why something was refused. `code` is one of the server's, or `cancelled` or `refused` from this client. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly code: string;
  /** The field that was wrong, when the server names one. */
  readonly field?: string;
  /** How long to wait before trying again, when the server says so. */
  readonly retryAfterMs?: number;
  /** When the ban or the mute is over that refuses this, if it has an end. */
  readonly until?: string;

  constructor(code: string, message: string, more: { field?: string; retryAfterMs?: number; until?: string } = {}) {
    super(message);
    this.code = code;
    if (more.field !== undefined) this.field = more.field;
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs;
    if (more.until !== undefined) this.until = more.until;
  }

  /** Whether the same command may succeed later. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code) || this.retryAfterMs !== undefined;
  }

  /** The error in an `error` frame. */
  static from(frame: Frame): ChatError {
    const { code, message, field, retry_after_ms, until } = frame;
    return new ChatError(text(code) ?? "unknown", text(message) ?? text(code) ?? "The server refused.", {
      ...(typeof field === "string" && { field }),
      ...(typeof retry_after_ms === "number" && retry_after_ms >= 0 && { retryAfterMs: retry_after_ms }),
      ...(typeof until === "string" && { until }),
    });
  }
}

const RETRYABLE = new Set([
  "overloaded",
  "unavailable",
  "storage_full",
  "outcome_unknown",
  "rate_limited",
  "too_many",
]);

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Why one is detached, with the reason as the code; `null`: the room is deleted. */
export function detachedFor({ reason }: Frame): ChatError | null {
  if (reason === "deleted") return null;
  return new ChatError(typeof reason === "string" ? reason : "removed", "This user may not read the room any more.");
}

/**
 * Whether a close code tells the client to stay away: 44xx, and what says that the two sides do not
 * speak the same protocol. After all others, and after an end without a close frame, it comes back.
 */
export function staysAway(code: number): boolean {
  return (code >= 4400 && code <= 4499) || PROTOCOL_CLOSES.has(code);
}

const PROTOCOL_CLOSES = new Set([1002, 1003, 1007, 1008, 1009]);

/** The close code of a client that was too fast: it comes back, but not quickly. */
export const CLOSED_TOO_FAST = 4529;
