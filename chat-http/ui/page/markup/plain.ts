/** What a message says where there is no room for marks: in a quote, in a list, in a note of the browser. */
import type { MessageFields } from "../../client/src/index.ts";
import type { Conversation } from "../conversation.ts";
import { markup } from "./markup.ts";
import { spotted, unspotted } from "./spots.ts";
import { withoutMarks } from "./tree.ts";

/** The text without its marks; as it was written as long as they are not known. The model `markup` tells when they are. */
export function plainText(written: string, fields: MessageFields, room: Conversation | null): string {
  const { text, spots } = room === null ? { text: written, spots: [] } : spotted(written, fields, room.session.user, (user) => room.namesOf(user));
  const nodes = markup.of(text);
  return nodes === null ? written : unspotted(withoutMarks(nodes), spots);
}
