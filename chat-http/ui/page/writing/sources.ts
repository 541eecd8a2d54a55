/** Who may be mentioned in a room, or in a thread of it. */
import type { Identity } from "../../client/src/index.ts";
import type { Conversation } from "../conversation.ts";
import { may, type Role } from "../room-rights.ts";
import type { Sources } from "./suggestions.tsx";

/** Nobody mentions themselves. */
export function sourcesOf(conversation: Conversation, role: Role | null): Sources {
  const { session, info, id } = conversation;
  const others = (people: Identity[]): Identity[] => people.filter(({ user }) => user !== session.user);
  return {
    people: () => others(conversation.known()),
    members: async (q) => others((await session.api.members(id, { limit: 20, ...(q !== "" && { q }) })).members),
    everyone: info !== null && may("everyone", info, role),
  };
}
