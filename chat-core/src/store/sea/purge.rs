//! Removing what deleted rooms have left.

use sea_orm::DatabaseTransaction;

use super::{
    dialect::lists::{MOST_ROWS, padded, repeated},
    error::SqlError,
    rooms::count,
    rows::{signed, unsigned},
    run::Run,
};
use crate::{RoomId, Seq};

type Transaction<'a> = Run<'a, DatabaseTransaction>;

/// Removes up to `limit` rows that deleted rooms have left: their events, and then their own; returns how many.
pub(super) async fn purge(run: &Transaction<'_>, limit: usize) -> Result<usize, SqlError> {
    const GONE: &str = "SELECT r.id, (SELECT MIN(e.seq) FROM chat_events e WHERE e.room_id = r.id) FROM chat_rooms r \
         WHERE r.deleted_at IS NOT NULL ORDER BY r.deleted_at LIMIT ?";
    let mut removed = 0;
    let mut empty = Vec::new();
    for row in run.query(GONE, vec![count(limit.min(MOST_ROWS))]).await? {
        let room = RoomId(unsigned(&row, 0)?);
        if row.try_get_by_index::<Option<i64>>(1)?.is_some() {
            removed += purge_events(run, room, Seq(unsigned(&row, 1)?), limit - removed).await?;
        }
        if removed >= limit {
            // This one may have others.
            break;
        }
        empty.push(room);
        removed += 1;
    }
    if !empty.is_empty() {
        let rooms = padded(&empty);
        let sql = format!("DELETE FROM chat_rooms WHERE id IN ({})", repeated("?", rooms.len()));
        run.execute(&sql, rooms.into_iter().map(|room| signed(room.0).into()).collect()).await?;
    }
    Ok(removed)
}

/// Removes up to `limit` events of a room, from its first one on.
async fn purge_events(run: &Transaction<'_>, room: RoomId, first: Seq, limit: usize) -> Result<usize, SqlError> {
    // A log has no holes: so many numbers are so many events.
    let end = first.0.saturating_add(u64::try_from(limit).unwrap_or(u64::MAX));
    let sql = "DELETE FROM chat_events WHERE room_id = ? AND seq < ?";
    let done = run.execute(sql, vec![signed(room.0).into(), signed(end).into()]).await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
