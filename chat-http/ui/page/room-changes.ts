/** What somebody has changed of a room: what they have left alone, another may have changed meanwhile. */
import type { Room, RoomChange } from "./api.ts";

/** The fields that are others than the room's, as it was when the form was opened; null if there are none. */
export function changesOf(room: Room, draft: RoomChange): RoomChange | null {
  const changed = Object.entries(draft).filter(([field, value]) => value !== room[field as keyof Room]);
  return changed.length > 0 ? Object.fromEntries(changed) : null;
}
