//! Raising the heads of rooms that are joined with a table of values.

use super::{super::rows::signed, Head, Heads, Raise, Raises};
use crate::RoomId;

/// The numbers of a raise as a row: the room, how many events and messages, and the newest message's place (0 if there is none)
/// and time.
pub(super) fn raise_row((room, raise): (&RoomId, &Raise)) -> [i64; 5] {
    let (place, at) = raise.last_message.map_or((0, 0), |message| (message.place, message.at.0));
    [signed(room.0), signed(raise.events), signed(raise.messages), signed(place), at]
}

/// The rooms whose heads were raised by something else than they should, as rows of what they should be: the room, its head
/// and ordinal, and the newest message's number (0 if it was there before) and time.
pub(super) fn corrected_rows(before: &Heads, expected: &Raises, exact: &Raises) -> Vec<[i64; 5]> {
    let row = |(room, head): (&RoomId, &Head)| {
        let raise = exact.get(room).copied().unwrap_or_default();
        let (seq, at) = raise.last_message.map_or((0, 0), |message| (head.seq + message.place, message.at.0));
        let row = [room.0, head.seq + raise.events, head.messages + raise.messages, seq].map(signed);
        (expected.get(room) != Some(&raise)).then_some([row[0], row[1], row[2], row[3], at])
    };
    before.iter().filter_map(row).collect()
}

/// Corrects the rows of rooms that are joined with a table `i` of [`corrected_rows`]. The newest message of before is the
/// newest there is: those of this append are not inserted yet.
pub(super) const CORRECT: &str = "UPDATE chat_rooms SET head = i.head, ordinal = i.ordinal, \
     last_message_seq = CASE WHEN i.seq > 0 THEN i.seq ELSE (SELECT e.seq FROM chat_events e \
     WHERE e.room_id = chat_rooms.id AND e.kind = 1 ORDER BY e.ordinal DESC LIMIT 1) END, \
     last_message_at = CASE WHEN i.seq > 0 THEN i.at ELSE (SELECT e.at_us FROM chat_events e \
     WHERE e.room_id = chat_rooms.id AND e.kind = 1 ORDER BY e.ordinal DESC LIMIT 1) END \
     FROM i WHERE chat_rooms.id = i.id";
