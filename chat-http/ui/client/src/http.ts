/** Requests to `/api/chat`, which lies beside the socket's address. */

import type { Change } from "./protocol.ts";

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Gives a token that is still good: what says who the user is, where no cookie does; `null` if something else says so. */
export type TokenSource = () => string | null | Promise<string | null>;

/** The same `fetch` with a token in every request. If the source fails, so does the request. */
export function authorized(fetch: Fetch, token: TokenSource | undefined): Fetch {
  if (token === undefined) return fetch;
  return async (url, init) => {
    const given = await token();
    const headers = { ...(init?.headers as Record<string, string>), ...(given !== null && { Authorization: `Bearer ${given}` }) };
    return fetch(url, { ...init, headers });
  };
}

export interface Call {
  method?: string;
  query?: object;
  body?: object;
  /** The idempotency key. */
  key?: string;
  signal?: AbortSignal;
}

/** Makes a request; `socket` is the address of `/ws/chat`. The answer is `null` if there was none. */
export async function request(fetch: Fetch, socket: string | URL, path: string, call: Call = {}): Promise<Response | null> {
  const { method = "GET", query = {}, body, key, signal } = call;
  const url = new URL(socket);
  url.protocol = url.protocol.replace(/^ws/, "http");
  url.pathname = url.pathname.replace(/\/ws\/chat\/?$/, "/api/chat") + path;
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(key && { "Idempotency-Key": key }) };
  const init: RequestInit = { method, headers, cache: "no-store" };
  if (body) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;
  try {
    return await fetch(url.href, init);
  } catch {
    return null;
  }
}

/** What an answer holds; nothing if it is no JSON. */
export async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  return ((await response.json().catch(() => null)) ?? {}) as Record<string, unknown>;
}

/**
 * What a refusal says, with the fields of an `error` frame. What is none of this server's answers comes from something in
 * between: try again.
 */
export async function refusalOf(response: Response): Promise<Record<string, unknown>> {
  const { code = "unavailable", detail: message = `HTTP ${response.status}`, ...more } = await jsonOf(response);
  const { field, retry_after_ms, until } = more;
  return { code, message, field, retry_after_ms, until };
}

/** The path of a message. */
export function messagePath(room: number, seq: number): string {
  return `/rooms/${room}/messages/${seq}`;
}

/** The request that makes a change. */
export function requestOf(change: Change): Call & { path: string } {
  const { type, room } = change;
  if (type === "message") {
    const { type: _, room: __, key, ...body } = change;
    return { method: "POST", path: `/rooms/${room}/messages`, body, key };
  }
  if (type === "read") {
    const { seq, back } = change;
    return { method: "PUT", path: `/rooms/${room}/read`, body: { seq, back } };
  }
  const path = messagePath(room, change.target);
  const { key } = change;
  switch (type) {
    case "edit": {
      const { type: _, room: __, target: ___, key: ____, ...body } = change;
      return { method: "PATCH", path, body, key };
    }
    case "delete":
      return { method: "DELETE", path, query: { reason: change.reason }, key };
    case "react":
      return { method: change.added ? "PUT" : "DELETE", path: `${path}/reactions/${encodeURIComponent(change.reaction)}`, key };
    case "pin":
      return { method: change.pinned ? "PUT" : "DELETE", path: `${path}/pin`, key };
  }
}

/** What an answer over REST says of a change, with the fields of an `ok`. */
export function outcomeOf(change: Change, answer: Record<string, any>): object {
  const { seq, timestamp, count, edited } = answer;
  switch (change.type) {
    case "message":
      return { seq, timestamp };
    case "edit":
      return { seq: edited?.seq, timestamp: edited?.timestamp };
    case "react":
      return { count };
    case "read":
      return answer;
    default:
      return {};
  }
}
