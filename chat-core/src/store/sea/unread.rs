//! What is unread beyond a mark, counted by the tables beside the log. It costs one range of an index each, as long as what is
//! deleted or mentioned there, and own where a mark was set back.

use sea_orm::ConnectionTrait;

use super::{
    dialect::{
        Dialect,
        lists::{MOST_ROWS, padded},
    },
    error::SqlError,
    rows::{signed, unsigned},
    run::Run,
};
use crate::{Mark, RoomId, Seq, UserId};

/// A user's mark in a room, and what there is of the room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beyond<'a> {
    pub(super) room: RoomId,
    pub(super) user: &'a UserId,
    pub(super) mark: Mark,
    pub(super) readable: Readable,
}

/// What there is of a room for those who read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readable {
    /// The number of the first event that was not pruned.
    pub(super) first: Seq,
    /// How many messages were pruned.
    pub(super) pruned: u64,
    /// How many messages the room has had.
    pub(super) messages: u64,
}

/// What is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    /// How many messages.
    pub(super) unread: u64,
    /// How many mentions.
    pub(super) mentions: u64,
}

/// What is unread beyond each of these marks, in order.
pub(super) async fn count(run: &Run<'_, impl ConnectionTrait>, marks: &[Beyond<'_>]) -> Result<Vec<Counted>, SqlError> {
    let mut counted = Vec::with_capacity(marks.len());
    for chunk in marks.chunks(MOST_ROWS) {
        count_some(run, chunk, &mut counted).await?;
    }
    Ok(counted)
}

async fn count_some(
    run: &Run<'_, impl ConnectionTrait>,
    marks: &[Beyond<'_>],
    counted: &mut Vec<Counted>,
) -> Result<(), SqlError> {
    let places: Vec<usize> = (0..marks.len()).collect();
    let places = padded(&places);
    let mut values = Vec::with_capacity(places.len() * WIDTH);
    for place in &places {
        let Beyond { room, user, mark, readable } = &marks[*place];
        let beyond = mark.seq.0.max(readable.first.0.saturating_sub(1));
        values.extend([
            signed(*place as u64).into(),
            run.dialect.opaque(Some(user.as_str())),
            signed(room.0).into(),
            signed(beyond).into(),
            i64::from(mark.by_back).into(),
        ]);
    }
    let mut found = vec![Counted::default(); marks.len()];
    for row in run.query(&sql(run.dialect, places.len()), values).await? {
        let place = usize::try_from(unsigned(&row, 0)?).unwrap_or(usize::MAX);
        let (Some(mark), Some(counted)) = (marks.get(place), found.get_mut(place)) else { continue };
        let Readable { pruned, messages, .. } = mark.readable;
        let read = mark.mark.ordinal.max(pruned) + unsigned(&row, 1)? + unsigned(&row, 2)?;
        *counted = Counted { unread: messages.saturating_sub(read), mentions: unsigned(&row, 3)? };
    }
    counted.append(&mut found);
    Ok(())
}

/// How many values a mark has in the statement.
const WIDTH: usize = 5;

/// For each mark: its place, the tombstones beyond it, the user's own messages there that were not deleted, and the mentions. A
/// message that mentions the user and everyone counts once.
fn sql(dialect: &dyn Dialect, rows: usize) -> String {
    const TOMBSTONES: &str = "SELECT COUNT(*) FROM chat_tombstones t WHERE t.room_id = m.room_id AND t.seq > m.seq";
    const OWN: &str = "SELECT COUNT(*) FROM chat_events e \
         WHERE e.room_id = m.room_id AND e.user_id = m.user_id AND e.kind = 1 AND e.seq > m.seq";
    const OF_OTHERS: &str =
        "x.room_id = m.room_id AND x.seq > m.seq AND (x.author_id IS NULL OR x.author_id <> m.user_id)";
    const NOT_NAMED: &str = "NOT EXISTS (SELECT 1 FROM chat_mentions y \
         WHERE y.user_id = m.user_id AND y.room_id = x.room_id AND y.seq = x.seq)";
    let rows = dialect.rows(WIDTH, rows);
    format!(
        "WITH m(place, user_id, room_id, seq, by_back) AS ({rows}) SELECT m.place, ({TOMBSTONES}), \
         CASE WHEN m.by_back = 1 THEN ({OWN}) - ({TOMBSTONES} AND t.user_id = m.user_id) ELSE 0 END, \
         (SELECT COUNT(*) FROM chat_mentions x WHERE x.user_id = m.user_id AND {OF_OTHERS}) \
         + (SELECT COUNT(*) FROM chat_mentions x WHERE x.user_id = '' AND {OF_OTHERS} AND {NOT_NAMED}) FROM m"
    )
}
