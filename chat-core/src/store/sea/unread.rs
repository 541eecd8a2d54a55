//! Counting what is unread beyond a mark. No messages are counted: the room knows how many there are, and what of them does not
//! count stands in small tables, or was written by the user after the mark.

use sea_orm::ConnectionTrait;

use super::{
    dialect::about::{About, Rows},
    error::SqlError,
    rows::{number, unsigned},
    run::Run,
};
use crate::{Mark, RoomId, UserId};

/// A user's mark in a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct MarkIn<'a> {
    pub(super) room: RoomId,
    pub(super) user: &'a UserId,
    pub(super) mark: Mark,
}

/// What is unread beyond each of these marks, in their order: messages, and mentions. (0, 0) where the room is gone.
pub(super) async fn beyond(
    run: &Run<'_, impl ConnectionTrait>,
    marks: &[MarkIn<'_>],
) -> Result<Vec<(u64, u64)>, SqlError> {
    let key = |(place, MarkIn { room, user, mark }): (usize, &MarkIn<'_>)| {
        // Beyond any other mark there is nothing of one's own.
        let own_after = if mark.by_back { mark.seq.0 } else { u64::MAX };
        let reader = run.dialect.opaque(Some(user.as_str()));
        [number(place as u64), number(room.0), reader, number(mark.seq.0), number(own_after)]
    };
    let keys = Rows::new(&["place", "room", "reader", "after", "own_after"], marks.iter().enumerate().map(key));
    let columns = columns(&run.dialect.by_index("chat_events_authors"));
    let what = About::Select { columns: &columns, tables: "chat_rooms r", on: "r.id = k.room", with_constants: true };
    let mut counted = vec![(0, 0); marks.len()];
    for row in keys.query(run, what).await? {
        let place = usize::try_from(unsigned(&row, 0)?).unwrap_or(usize::MAX);
        let (Some(MarkIn { mark, .. }), Some(counted)) = (marks.get(place), counted.get_mut(place)) else { continue };
        let number = |index| unsigned(&row, index);
        let read = mark.ordinal.max(number(2)?);
        let own = number(4)?.saturating_sub(number(5)?);
        *counted = (number(1)?.saturating_sub(read + number(3)? + own), number(6)? + number(7)?);
    }
    Ok(counted)
}

/// Of the room `r` and the mark `k`: place, messages, pruned ones, tombstones beyond the mark, own messages, own tombstones,
/// mentions of the user, mentions of the room in messages that do not mention the user.
fn columns(authors: &str) -> String {
    format!(
        "k.place, r.ordinal, r.pruned_ordinal, \
         (SELECT COUNT(*) FROM chat_tombstones d WHERE d.room_id = r.id AND d.seq > k.after AND d.seq >= r.first_seq), \
         (SELECT COUNT(*) FROM chat_events o{authors} WHERE o.room_id = r.id AND o.user_id = k.reader AND o.kind = 1 \
         AND o.seq > k.own_after AND o.seq >= r.first_seq), \
         (SELECT COUNT(*) FROM chat_tombstones d WHERE d.room_id = r.id AND d.seq > k.own_after \
         AND d.seq >= r.first_seq AND d.user_id = k.reader), \
         (SELECT COUNT(*) FROM chat_mentions m WHERE m.user_id = k.reader AND m.room_id = r.id AND m.seq > k.after \
         AND m.seq >= r.first_seq AND (m.author_id IS NULL OR m.author_id <> k.reader)), \
         (SELECT COUNT(*) FROM chat_mentions m WHERE m.user_id = '' AND m.room_id = r.id AND m.seq > k.after \
         AND m.seq >= r.first_seq AND (m.author_id IS NULL OR m.author_id <> k.reader) \
         AND NOT EXISTS (SELECT 1 FROM chat_mentions n WHERE n.user_id = k.reader AND n.room_id = m.room_id \
         AND n.seq = m.seq))"
    )
}
