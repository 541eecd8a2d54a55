//! Letting a room's log begin later, and removing what stood before.

use sea_orm::{ConnectionTrait, Value};

use super::{
    changes::ERASED,
    dialect::Dialect,
    error::SqlError,
    purge::remove_events,
    rows::{optional_number, signed, unsigned},
    run::{Run, Transaction},
};
use crate::{Keep, RoomId, Seq, store::judge::Pruned};

/// What goes with messages whose numbers stand in these columns.
const OF_MESSAGES: [(&str, &str); 8] = [
    ("chat_reactions", "target_seq"),
    ("chat_reaction_counts", "target_seq"),
    ("chat_pins", "target_seq"),
    ("chat_threads", "root_seq"),
    ("chat_thread_users", "root_seq"),
    ("chat_mentions", "seq"),
    ("chat_tombstones", "seq"),
    ("chat_audit", "seq"),
];

/// The same as a place, where that takes a look at many events: it is found before the room is locked. What is stored
/// meanwhile comes after it.
pub(super) async fn place(run: &Run<'_, impl ConnectionTrait>, room: RoomId, keep: Keep) -> Result<Keep, SqlError> {
    let Keep::Since(at) = keep else { return Ok(keep) };
    let sql = "SELECT e.seq FROM chat_events e JOIN chat_rooms r ON r.id = e.room_id \
         WHERE e.room_id = ? AND e.seq >= r.first_seq AND e.at_us >= ? ORDER BY e.seq LIMIT 1";
    let row = run.query_one(sql, vec![signed(room.0).into(), at.0.into()]).await?;
    if let Some(row) = row {
        return Ok(Keep::From(Seq(unsigned(&row, 0)?)));
    }
    let head = run.query_one("SELECT head FROM chat_rooms WHERE id = ?", vec![signed(room.0).into()]).await?;
    let head = head.map_or(Ok(0), |row| unsigned(&row, 0))?;
    Ok(Keep::From(Seq(head).next()))
}

/// Where the log of a locked room begins, and where it would begin if this were kept.
pub(super) async fn facts(run: &Transaction<'_>, room: RoomId, keep: Keep) -> Result<(Seq, Pruned), SqlError> {
    let sql = "SELECT first_seq, pruned_ordinal, head, ordinal FROM chat_rooms WHERE id = ?";
    let row = run.query_one(sql, vec![signed(room.0).into()]).await?;
    let row = row.ok_or_else(|| SqlError::corrupt("a locked room is gone"))?;
    let (begin, pruned) = (Seq(unsigned(&row, 0)?), unsigned(&row, 1)?);
    let (end, messages) = (Seq(unsigned(&row, 2)?).next(), unsigned(&row, 3)?);
    let first = match keep {
        Keep::From(seq) => seq.min(end),
        Keep::Last(0) => end,
        Keep::Last(count) => {
            let sql =
                "SELECT seq FROM chat_events WHERE room_id = ? AND kind = 1 AND ordinal >= ? ORDER BY ordinal LIMIT 1";
            let oldest = (messages + 1).saturating_sub(count).max(pruned + 1);
            number(run, sql, [room.0, oldest]).await?.map_or(begin, Seq)
        }
        // It was found before; see `place`.
        Keep::Since(_) => begin,
    };
    let sql = "SELECT ordinal FROM chat_events WHERE room_id = ? AND seq < ? ORDER BY seq DESC LIMIT 1";
    let ordinal = number(run, sql, [room.0, first.0]).await?.unwrap_or(pruned).max(pruned);
    Ok((begin, Pruned { first, ordinal }))
}

/// The log begins here from now on.
pub(super) async fn begin_at(run: &Transaction<'_>, room: RoomId, pruned: Pruned) -> Result<(), SqlError> {
    let sql = "UPDATE chat_rooms SET first_seq = ?, pruned_ordinal = ? WHERE id = ?";
    let values = [pruned.first.0, pruned.ordinal, room.0].map(|number| signed(number).into());
    run.execute(sql, values.to_vec()).await.map(drop)
}

/// Removes up to `limit` events that stand before the beginnings of their logs, with what goes with them; returns how many.
pub(super) async fn purge(run: &Transaction<'_>, limit: usize) -> Result<usize, SqlError> {
    const LEFT: &str = "SELECT r.id, r.first_seq, \
         (SELECT e.seq FROM chat_events e WHERE e.room_id = r.id ORDER BY e.seq LIMIT 1) FROM chat_rooms r \
         WHERE r.first_seq > 1 AND r.deleted_at IS NULL AND EXISTS \
         (SELECT 1 FROM chat_events e WHERE e.room_id = r.id AND e.seq < r.first_seq) LIMIT 1";
    let Some(row) = run.query_one(LEFT, Vec::new()).await? else { return Ok(0) };
    let (room, begin) = (RoomId(unsigned(&row, 0)?), unsigned(&row, 1)?);
    let first = optional_number(&row, 2)?.unwrap_or(begin);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let asked = first.saturating_add(limit).min(begin);
    let (Seq(end), removed) = remove_events(run, room, Seq(first), Seq(asked)).await?;
    let values = |numbers: &[u64]| -> Vec<Value> { numbers.iter().map(|number| signed(*number).into()).collect() };
    run.execute(&erase_edits(run.dialect), values(&[room.0, first, end, begin])).await?;
    for (table, column) in OF_MESSAGES {
        let sql = format!("DELETE FROM {table} WHERE room_id = ? AND {column} >= ? AND {column} < ?");
        run.execute(&sql, values(&[room.0, first, end])).await?;
    }
    // At least one: there is such an event, and whoever calls goes on until there is none.
    Ok(removed.max(1))
}

/// Edits that stay behind say nothing of messages that are removed.
fn erase_edits(dialect: &dyn Dialect) -> String {
    format!(
        "UPDATE chat_events{} SET {ERASED} \
         WHERE room_id = ? AND target_seq >= ? AND target_seq < ? AND kind = 5 AND seq >= ?",
        dialect.by_index("chat_events_edits")
    )
}

async fn number(run: &Transaction<'_>, sql: &str, values: [u64; 2]) -> Result<Option<u64>, SqlError> {
    let row = run.query_one(sql, values.map(|value| signed(value).into()).to_vec()).await?;
    row.map(|row| unsigned(&row, 0)).transpose()
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::store::sea::{SeaStore, run::Write};

    #[tokio::test]
    async fn edits_that_stay_behind_are_found_by_their_messages() {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let write = Write::begin(&store.writers).await.unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {}", erase_edits(write.run().dialect));
        let rows = write.run().query(&sql, vec![1_i64.into(); 4]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(3).unwrap()).collect();
        let by_messages = "chat_events_edits (room_id=? AND target_seq>? AND target_seq<?)";
        assert!(plan.iter().any(|step| step.contains(by_messages)), "{plan:?}");
    }
}
