//! SQLite: one writer at a time, so the transaction itself is the lock.

use std::iter;

use async_trait::async_trait;
use sea_orm::{
    DbBackend, QueryResult, SqliteTransactionMode, SqlxSqliteError, TransactionOptions, Value,
    sqlx::error::DatabaseError,
};

use super::{
    super::error::SqlError,
    Dialect, HEAD_COLUMNS, Heads, Key, Meaning, Raises, Transaction,
    about::{About, Chunk, Statement},
    batched, heads_from,
    lists::{self, MOST_ROWS, repeated},
    raise_then_find_keys,
    raises::{CORRECT, corrected_rows, raise_row},
};
use crate::{
    append::StoredEvent,
    store::StoreErrorKind::{Conflict, Failed, Full, Unavailable},
};

/// What stands around a list of keys that are looked for. A row-value IN does not use the index, whatever its columns.
const AROUND_KEYS: (&str, &str) =
    ("(VALUES ", ") k CROSS JOIN chat_events ON idem_key = k.column1 AND room_id = k.column2 AND user_id = k.column3");

/// SQLite's dialect.
#[derive(Debug)]
pub(in crate::store::sea) struct Sqlite;

#[async_trait]
impl Dialect for Sqlite {
    fn backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    fn append_concurrency(&self) -> u32 {
        1
    }

    /// With the lock: a transaction that takes it later can fail.
    fn writing(&self) -> TransactionOptions {
        TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        }
    }

    /// Each transaction is one.
    fn snapshot(&self) -> TransactionOptions {
        TransactionOptions::default()
    }

    /// The whole database is locked.
    fn for_update(&self) -> &'static str {
        ""
    }

    /// It takes no parentheses there.
    fn limited(&self, select: &str) -> String {
        format!("SELECT * FROM ({select})")
    }

    /// Without statistics, it takes the primary key wherever the room is given.
    fn by_index(&self, index: &str) -> String {
        format!(" INDEXED BY {index}")
    }

    fn about(&self, rows: Chunk<'_>, what: About<'_>) -> Statement {
        match what {
            // A cross join is done in the order in which it is written.
            About::Select { columns, tables, on, .. } => {
                let (k, values) = derived(Chunk { rows: &rows.filled_up(), ..rows });
                (format!("SELECT {columns} FROM {k} CROSS JOIN {tables} WHERE {on}"), values)
            }
            About::Update { table, set, on } => {
                let (k, values) = derived(rows);
                (format!("UPDATE {table} SET {set} FROM {k} WHERE {on}"), values)
            }
            // The index is used for what is selected, and not for a list of values.
            About::Delete { table } => {
                let ((k, values), names) = (derived(rows), rows.names());
                (format!("DELETE FROM {table} WHERE ({names}) IN (SELECT {names} FROM {k})"), values)
            }
            About::PutNew { table, key } => rows.put(table, &rows.unless_there(key)),
            About::Put { table, key, .. } => rows.put(table, &rows.on_conflict(key)),
        }
    }

    fn ids(&self, ids: Vec<i64>) -> (&'static str, Value) {
        ("SELECT value FROM json_each(?)", lists::bracketed(&ids))
    }

    fn meaning_of(&self, error: &dyn DatabaseError) -> Option<Meaning> {
        error.try_downcast_ref::<SqlxSqliteError>()?;
        Some(meaning_of(error.code().and_then(|code| code.parse().ok()).unwrap_or_default()))
    }

    async fn lock_and_raise(&self, run: &Transaction<'_>, expected: &Raises) -> Result<Heads, SqlError> {
        let mut raised = Vec::new();
        let rows: Vec<_> = expected.iter().map(raise_row).collect();
        for chunk in rows.chunks(MOST_ROWS) {
            let (sql, values) = raise(chunk);
            raised.append(&mut run.query(&sql, values).await?);
        }
        heads_before(&raised, expected)
    }

    async fn raise_and_find_keys(
        &self,
        run: &Transaction<'_>,
        expected: &Raises,
        keys: &[Key<'_>],
    ) -> Result<(Heads, Vec<StoredEvent>), SqlError> {
        if keys.is_empty() || expected.len().max(keys.len()) > MOST_ROWS {
            return raise_then_find_keys(run, expected, keys).await;
        }
        let rows: Vec<_> = expected.iter().map(raise_row).collect();
        let [raised, found] = run.query_both(raise(&rows), batched::key_query(run, AROUND_KEYS, keys)).await?;
        Ok((heads_before(&raised, expected)?, batched::events_of(run, &found)?))
    }

    async fn correct_heads(
        &self,
        run: &Transaction<'_>,
        before: &Heads,
        expected: &Raises,
        exact: &Raises,
    ) -> Result<(), SqlError> {
        for chunk in corrected_rows(before, expected, exact).chunks(MOST_ROWS) {
            let (list, values) = table(chunk);
            run.execute(&correct_sql(&list), values).await?;
        }
        Ok(())
    }

    async fn find_keys(&self, run: &Transaction<'_>, keys: &[Key<'_>]) -> Result<Vec<StoredEvent>, SqlError> {
        batched::find_keys(run, AROUND_KEYS, keys).await
    }

    async fn insert_events(&self, run: &Transaction<'_>, events: &[StoredEvent]) -> Result<(), SqlError> {
        batched::insert_events(run, events).await
    }
}

/// The rows as the table `k`, and their values.
fn derived(rows: Chunk<'_>) -> Statement {
    let (list, values) = rows.listed();
    let named: Vec<_> =
        rows.columns.iter().enumerate().map(|(index, name)| format!("column{} AS {name}", index + 1)).collect();
    (format!("(SELECT {} FROM (VALUES {list})) k", named.join(", ")), values)
}

/// What raises heads, and tells what they are then.
fn raise<const WIDTH: usize>(rows: &[[i64; WIDTH]]) -> Statement {
    let (list, values) = table(rows);
    (raise_sql(&list), values)
}

/// The heads before they were raised.
fn heads_before(raised: &[QueryResult], expected: &Raises) -> Result<Heads, SqlError> {
    let mut heads = heads_from(raised)?;
    for (room, head) in &mut heads {
        let raised = expected.get(room).copied().unwrap_or_default();
        head.seq -= raised.events;
        head.messages -= raised.messages;
    }
    Ok(heads)
}

fn raise_sql(list: &str) -> String {
    format!(
        "WITH i(id, events, messages, place, at) AS (VALUES {list}) \
         UPDATE chat_rooms SET head = head + i.events, ordinal = ordinal + i.messages, \
         last_message_seq = CASE WHEN i.place > 0 THEN head + i.place ELSE last_message_seq END, \
         last_message_at = CASE WHEN i.place > 0 THEN i.at ELSE last_message_at END FROM i \
         WHERE chat_rooms.id = i.id AND deleted_at IS NULL RETURNING id, {}",
        HEAD_COLUMNS.join(", ")
    )
}

fn correct_sql(list: &str) -> String {
    format!("WITH i(id, head, ordinal, seq, at) AS (VALUES {list}) {CORRECT}")
}

/// A list of rows with a placeholder for each value, in a few sizes only, and its values: beyond the rows there are zeros, and
/// no room has that id.
fn table<const WIDTH: usize>(rows: &[[i64; WIDTH]]) -> (String, Vec<Value>) {
    let size = rows.len().next_power_of_two();
    let padding = iter::repeat_n([0; WIDTH], size - rows.len());
    let values = rows.iter().copied().chain(padding).flatten().map(Value::from);
    (repeated(&format!("({})", repeated("?", WIDTH)), size), values.collect())
}

/// <https://sqlite.org/rescode.html>. Those marked as lost may have rolled the transaction back by themselves
/// (<https://sqlite.org/lang_transaction.html>), of which the driver knows nothing.
fn meaning_of(code: u32) -> Meaning {
    const BUSY_SNAPSHOT: u32 = 517;
    let (kind, is_lost) = match (code, code & 0xff) {
        (BUSY_SNAPSHOT, _) => (Conflict, true),
        // NOMEM, INTERRUPT, IOERR.
        (_, 7 | 9 | 10) => (Unavailable, true),
        // PERM, BUSY, LOCKED, READONLY, CANTOPEN, PROTOCOL, AUTH.
        (_, 3 | 5 | 6 | 8 | 14 | 15 | 23) => (Unavailable, false),
        (_, 13) => (Full, true),
        _ => (Failed, false),
    };
    Meaning { kind, is_lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sea::{SeaStore, rows::ROOM_COLUMNS};

    /// How SQLite would run this.
    async fn plan(store: &SeaStore, sql: &str) -> String {
        let checkout = store.writers.checkout().await.unwrap();
        let values = vec![Value::from(1_i64); sql.matches('?').count()];
        let rows = checkout.run().query(&format!("EXPLAIN QUERY PLAN {sql}"), values).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(3).unwrap()).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn keys_and_rooms_are_found_by_index() {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let list = repeated("(?,?,?)", 4);
        let rooms = table(&[[1; 5]; 4]).0;
        let keys = plan(&store, &format!("SELECT * FROM {}{list}{}", AROUND_KEYS.0, AROUND_KEYS.1)).await;
        assert!(keys.contains("SEARCH chat_events USING INDEX"), "{keys}");
        for sql in [raise_sql(&rooms), correct_sql(&rooms)] {
            let heads = plan(&store, &sql).await;
            assert!(heads.contains("SEARCH chat_rooms USING INTEGER PRIMARY KEY"), "{heads}");
        }
        let room = format!("SELECT {ROOM_COLUMNS} FROM chat_rooms r WHERE r.id = ?");
        let room = plan(&store, &room).await;
        assert_eq!(room, "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)");
    }

    #[tokio::test]
    async fn a_page_is_read_by_the_index_of_messages() {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let page = "SELECT seq, body FROM chat_events WHERE room_id = ? AND kind = 1 AND ordinal >= ? AND ordinal <= ? \
             ORDER BY ordinal";
        let page = plan(&store, page).await;
        assert_eq!(page, "SEARCH chat_events USING INDEX chat_events_messages (room_id=? AND ordinal>? AND ordinal<?)");
    }

    #[test]
    fn codes_are_read_with_their_extensions() {
        let meaning = |code| (meaning_of(code).kind, meaning_of(code).is_lost);
        assert_eq!(meaning(5), (Unavailable, false));
        assert_eq!(meaning(517), (Conflict, true));
        assert_eq!(meaning(13), (Full, true));
        assert_eq!(meaning(10 | (3 << 8)), (Unavailable, true));
        assert_eq!(meaning(26), (Failed, false));
    }
}
