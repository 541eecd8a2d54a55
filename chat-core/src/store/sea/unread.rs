//! What is unread beyond a mark, counted by the tables beside the log. It costs one range of an index each, as long as what is
//! deleted or mentioned there, and own where a mark was set back.

use sea_orm::{ConnectionTrait, Value};

use super::{
    dialect::{
        Dialect,
        lists::{MOST_ROWS, padded},
    },
    error::SqlError,
    rows::{signed, unsigned},
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
    let mut counted = vec![(0, 0); marks.len()];
    let places: Vec<usize> = (0..marks.len()).collect();
    for places in places.chunks(MOST_ROWS) {
        let places = padded(places);
        let values = places.iter().flat_map(|place| values(run.dialect, *place, &marks[*place])).collect();
        for row in run.query(&sql(run.dialect, places.len()), values).await? {
            let place = usize::try_from(unsigned(&row, 0)?).unwrap_or(usize::MAX);
            let (Some(MarkIn { mark, .. }), Some(counted)) = (marks.get(place), counted.get_mut(place)) else {
                continue;
            };
            let read = mark.ordinal.max(unsigned(&row, 2)?) + unsigned(&row, 3)? + unsigned(&row, 4)?;
            *counted = (unsigned(&row, 1)?.saturating_sub(read), unsigned(&row, 5)?);
        }
    }
    Ok(counted)
}

/// How many values a mark has in the statement.
const WIDTH: usize = 5;

fn values(dialect: &dyn Dialect, place: usize, MarkIn { room, user, mark }: &MarkIn<'_>) -> [Value; WIDTH] {
    let user = dialect.opaque(Some(user.as_str()));
    // Beyond any other mark there is nothing of one's own.
    let own = if mark.by_back { mark.seq.0 } else { u64::MAX };
    [signed(place as u64).into(), user, signed(room.0).into(), signed(mark.seq.0).into(), signed(own).into()]
}

/// For each mark: its place, how many messages the room has had, how many were pruned, the tombstones beyond the mark, the user's own
/// messages there that were not deleted, and the mentions. A message that mentions the user and everyone counts once.
fn sql(dialect: &dyn Dialect, rows: usize) -> String {
    const TOMBSTONES: &str =
        "SELECT COUNT(*) FROM chat_tombstones t WHERE t.room_id = m.room_id AND t.seq >= r.first_seq";
    const OWN: &str = "SELECT COUNT(*) FROM chat_events e \
         WHERE e.room_id = m.room_id AND e.user_id = m.user_id AND e.kind = 1 AND e.seq > m.own AND e.seq >= r.first_seq";
    const OF_OTHERS: &str = "x.room_id = m.room_id AND x.seq > m.seq AND x.seq >= r.first_seq \
         AND (x.author_id IS NULL OR x.author_id <> m.user_id)";
    const NOT_NAMED: &str = "NOT EXISTS (SELECT 1 FROM chat_mentions y \
         WHERE y.user_id = m.user_id AND y.room_id = x.room_id AND y.seq = x.seq)";
    let (rows, rooms) = (dialect.rows(WIDTH, rows), dialect.look_up("chat_rooms", "r", "r.id = m.room_id"));
    format!(
        "WITH m(place, user_id, room_id, seq, own) AS ({rows}) SELECT m.place, r.ordinal, r.pruned_ordinal, \
         ({TOMBSTONES} AND t.seq > m.seq), ({OWN}) - ({TOMBSTONES} AND t.seq > m.own AND t.user_id = m.user_id), \
         (SELECT COUNT(*) FROM chat_mentions x WHERE x.user_id = m.user_id AND {OF_OTHERS}) \
         + (SELECT COUNT(*) FROM chat_mentions x WHERE x.user_id = '' AND {OF_OTHERS} AND {NOT_NAMED}) \
         FROM m{rooms} WHERE r.id IS NOT NULL"
    )
}
