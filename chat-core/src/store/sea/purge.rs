//! Removing what deleted rooms have left.

use sea_orm::ExecResult;

use super::{
    archive::IMPORTING,
    dialect::lists::{MOST_ROWS, padded, repeated},
    error::SqlError,
    rooms::count,
    rows::{signed, unsigned},
    run::Transaction,
    search, tail,
};
use crate::{RoomId, Seq};

/// The tables with rows of a room beside its events, each with its primary key. (What the search knows of a message goes
/// with the message.)
const SIDE_TABLES: [(&str, &str); 15] = [
    ("chat_reactions", "room_id, target_seq, reaction, user_id"),
    ("chat_reaction_counts", "room_id, target_seq, reaction"),
    ("chat_pins", "room_id, target_seq"),
    ("chat_threads", "room_id, root_seq"),
    ("chat_thread_users", "room_id, root_seq, user_id"),
    ("chat_mentions", "user_id, room_id, seq"),
    ("chat_tombstones", "room_id, seq"),
    ("chat_reads", "user_id, room_id, thread"),
    ("chat_notify", "user_id, room_id"),
    ("chat_members", "room_id, user_id"),
    ("chat_restrictions", "room_id, kind, user_id"),
    ("chat_direct", "pair"),
    ("chat_invites", "code"),
    ("chat_invite_uses", "room_id, code, user_id"),
    ("chat_audit", "room_id, seq"),
];

/// Removes up to `limit` rows that deleted rooms have left: their events, what other tables have of them, and then their own
/// rows; returns how many.
pub(super) async fn purge(run: &Transaction<'_>, limit: usize) -> Result<usize, SqlError> {
    // MariaDB would look at every event for the least number.
    const GONE: &str = "SELECT r.id, (SELECT e.seq FROM chat_events e WHERE e.room_id = r.id ORDER BY e.seq LIMIT 1) \
         FROM chat_rooms r WHERE r.deleted_at < ? ORDER BY r.deleted_at LIMIT ?";
    let mut removed = 0;
    let mut empty = Vec::new();
    let gone = run.query(GONE, vec![IMPORTING.into(), count(limit.min(MOST_ROWS))]).await?;
    let rooms: Vec<_> = gone.iter().map(|row| Ok(RoomId(unsigned(row, 0)?))).collect::<Result<_, SqlError>>()?;
    // Those who follow all rooms hear that these have ended.
    tail::extend(run, &rooms).await?;
    for (row, room) in gone.into_iter().zip(rooms) {
        if row.try_get_by_index::<Option<i64>>(1)?.is_some() {
            let (count, are_all) = purge_events(run, room, Seq(unsigned(&row, 1)?), limit - removed).await?;
            removed += count;
            if !are_all {
                return Ok(removed);
            }
        }
        if removed >= limit {
            // This one may have others.
            break;
        }
        empty.push(room);
    }
    if empty.is_empty() {
        return Ok(removed);
    }
    removed += purge_side_tables(run, &empty, limit - removed).await?;
    empty.truncate(limit - removed);
    removed += purge_rooms(run, &empty).await?;
    Ok(removed)
}

/// Removes up to `limit` events of a room, from its first one on; returns how many, and whether it was as many as asked for, or
/// there are no more.
async fn purge_events(
    run: &Transaction<'_>,
    room: RoomId,
    first: Seq,
    limit: usize,
) -> Result<(usize, bool), SqlError> {
    // A log has no holes: so many numbers are so many events.
    let asked = Seq(first.0.saturating_add(u64::try_from(limit).unwrap_or(u64::MAX)));
    let (end, removed) = remove_events(run, room, first, asked).await?;
    Ok((removed, end >= asked))
}

/// Removes the events of a room that are numbered from `first` on and below `end`, or the first of them, and what the search
/// knows of them; returns the number below which none is left, and how many they were.
pub(super) async fn remove_events(
    run: &Transaction<'_>,
    room: RoomId,
    first: Seq,
    end: Seq,
) -> Result<(Seq, usize), SqlError> {
    let end = search::forget(run, room, first, end).await?;
    let sql = "DELETE FROM chat_events WHERE room_id = ? AND seq >= ? AND seq < ?";
    let range = [room.0, first.0, end.0].map(|number| signed(number).into());
    Ok((end, rows_removed(&run.execute(sql, range.to_vec()).await?)))
}

/// Removes up to `limit` rows of these rooms from the tables beside the log.
async fn purge_side_tables(run: &Transaction<'_>, rooms: &[RoomId], limit: usize) -> Result<usize, SqlError> {
    let rooms = padded(rooms);
    let of_rooms = format!("room_id IN ({})", repeated("?", rooms.len()));
    let mut removed = 0;
    for (table, key) in SIDE_TABLES {
        if removed == limit {
            break;
        }
        let rooms = rooms.iter().map(|room| signed(room.0).into());
        let values = rooms.chain([count(limit - removed)]).collect();
        removed += rows_removed(&run.execute(&run.dialect.delete_some(table, key, &of_rooms), values).await?);
    }
    Ok(removed)
}

/// Removes the rows of rooms of which nothing else is left.
async fn purge_rooms(run: &Transaction<'_>, rooms: &[RoomId]) -> Result<usize, SqlError> {
    if rooms.is_empty() {
        return Ok(0);
    }
    let rooms = padded(rooms);
    let sql = format!("DELETE FROM chat_rooms WHERE id IN ({})", repeated("?", rooms.len()));
    Ok(rows_removed(&run.execute(&sql, rooms.into_iter().map(|room| signed(room.0).into()).collect()).await?))
}

/// How many rows a statement has removed.
pub(super) fn rows_removed(done: &ExecResult) -> usize {
    usize::try_from(done.rows_affected()).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::store::{
        Store,
        sea::{SeaStore, run::Write},
    };

    /// A living room and a deleted one, each with `events` events and `others` rows in each other table.
    async fn store_with(events: i64, others: i64) -> SeaStore {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let write = Write::begin(&store.writers).await.unwrap();
        for (room, deleted) in [(1, "NULL"), (2, "1")] {
            let numbers =
                |n| format!("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {n})");
            let made =
                format!("INSERT INTO chat_rooms (id, topic, created_at, deleted_at) VALUES ({room}, '', 1, {deleted})");
            write.run().execute(&made, Vec::new()).await.unwrap();
            let log = format!(
                "{} INSERT INTO chat_events (room_id, seq, kind, at_us, ordinal, fingerprint) SELECT {room}, i, 1, 1, i, 1 FROM n",
                numbers(events)
            );
            write.run().execute(&log, Vec::new()).await.unwrap();
            for (table, _) in SIDE_TABLES {
                let (columns, values) = columns_of(&write.run(), table, room).await;
                let sql = format!("{} INSERT INTO {table} ({columns}) SELECT {values} FROM n", numbers(others));
                write.run().execute(&sql, Vec::new()).await.unwrap();
            }
        }
        write.end(Ok(())).await.unwrap();
        store
    }

    /// The columns of a table, and a value for each: the room, and elsewhere a number `i`.
    async fn columns_of(run: &Transaction<'_>, table: &str, room: i64) -> (String, String) {
        let rows = run.query(&format!("SELECT name FROM pragma_table_info('{table}')"), Vec::new()).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        let value = |name: &String| match name.as_str() {
            "room_id" => room.to_string(),
            // No two rooms have one.
            "pair" | "code" => format!("'{room} ' || i"),
            _ => "i".to_owned(),
        };
        let values = names.iter().map(value);
        (names.join(", "), values.collect::<Vec<_>>().join(", "))
    }

    /// How many rows a room has in these tables.
    async fn left(store: &SeaStore, room: i64) -> Vec<i64> {
        let write = Write::begin(&store.writers).await.unwrap();
        let mut left = Vec::new();
        for (table, _) in [("chat_events", "")].into_iter().chain(SIDE_TABLES) {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE room_id = {room}");
            let row = write.run().query_one(&sql, Vec::new()).await.unwrap().unwrap();
            left.push(row.try_get_by_index(0).unwrap());
        }
        left
    }

    #[tokio::test]
    async fn a_deleted_room_leaves_no_row_in_any_table() {
        let (events, others) = (25, 13);
        let store = store_with(events, others).await;
        let mut steps = Vec::new();
        while let Some(removed) = Some(store.purge(10).await.unwrap()).filter(|removed| *removed > 0) {
            assert!(removed <= 10, "a step is bounded: {removed}");
            steps.push(removed);
        }
        assert_eq!(steps.iter().sum::<usize>(), 25 + SIDE_TABLES.len() * 13 + 1);
        assert_eq!(left(&store, 2).await, [0; SIDE_TABLES.len() + 1]);
        let expected: Vec<i64> = [events].into_iter().chain([others; SIDE_TABLES.len()]).collect();
        assert_eq!(left(&store, 1).await, expected, "the living room keeps everything");
    }

    #[tokio::test]
    async fn rows_are_removed_by_an_index_of_their_room() {
        let store = store_with(0, 0).await;
        let write = Write::begin(&store.writers).await.unwrap();
        for (table, key) in SIDE_TABLES {
            let sql =
                format!("EXPLAIN QUERY PLAN {}", write.run().dialect.delete_some(table, key, "room_id IN (?, ?)"));
            let rows = write.run().query(&sql, vec![1_i64.into(), 2_i64.into(), 10_i64.into()]).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(3).unwrap()).collect();
            assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{table}: {plan:?}");
        }
    }
}
