/** Whose it is what this browser keeps: a user's of one chat. There may be several chats in one origin, and in one page. */
import { forgotten, remember, remembered, rememberedKeys } from "./storage.ts";

/** What the keys of all that belongs to this user of the chat at `base` begin with. */
export function ownerOf(base: URL, user: string): string {
  return `chat ${base.origin === location.origin ? base.pathname : base.href} ${user}`;
}

/** What earlier versions have kept, for all chats alike, is this chat's: whoever comes first takes it. */
export function takeOver(base: URL): void {
  for (const key of rememberedKeys("local", "chat.")) {
    const [, kind, user = "", rest = ""] = /^chat\.(outbox|draft)\.(.+)(\.[0-9a-f/-]+)$/s.exec(key) ?? /^chat\.(favourites)\.(.+)$/s.exec(key) ?? [];
    if (kind === undefined) continue;
    const now = `${ownerOf(base, user)} ${kind}${rest}`;
    const stored = remembered<unknown>("local", key, null);
    if (stored !== null && remembered<unknown>("local", now, null) === null) remember("local", now, stored);
    forgotten("local", key);
  }
}
