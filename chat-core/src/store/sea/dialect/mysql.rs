//! MySQL and MariaDB.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult, SqlxMySqlError, Statement, Value, sqlx::error::DatabaseError,
};
use sea_orm_migration::SchemaManagerConnection;

use super::{
    super::{auto_commit::AutoCommit, error::SqlError, migration::LOCK_SECONDS, rows::signed, run::Run},
    Dialect, HEAD_COLUMNS, Heads, Key, Meaning, Raise, Raises, Transaction,
    about::{About, Chunk, Statement as Listed},
    batched, heads_from,
    lists::{self, MOST_ROWS, padded, repeated},
};
use crate::{
    RoomId,
    append::StoredEvent,
    store::StoreErrorKind::{Conflict, Failed, Full, Unavailable},
};

/// What stands around a list of keys that are looked for.
const AROUND_KEYS: (&str, &str) = ("chat_events WHERE (idem_key, room_id, user_id) IN (", ")");

/// The dialect of MySQL and MariaDB.
#[derive(Debug)]
pub(in crate::store::sea) struct MySql;

#[async_trait]
impl Dialect for MySql {
    fn backend(&self) -> DbBackend {
        DbBackend::MySql
    }

    fn unless_page_exists(&self) -> &'static str {
        " ON DUPLICATE KEY UPDATE page = page"
    }

    /// With `ON DUPLICATE KEY`, one row would be said to be inserted in each case.
    fn insert_unless_there(&self, row: &str) -> String {
        format!("INSERT IGNORE INTO {row}")
    }

    /// A table that is changed cannot be selected from, and needs not to be.
    fn delete_some(&self, table: &str, _key: &str, condition: &str) -> String {
        format!("DELETE FROM {table} WHERE {condition} LIMIT ?")
    }

    fn by_index(&self, index: &str) -> String {
        format!(" FORCE INDEX ({index})")
    }

    fn about(&self, rows: Chunk<'_>, what: About<'_>) -> Listed {
        match what {
            About::Select { columns, tables, on, with_constants: true } => {
                let rows = Chunk { rows: &rows.filled_up(), ..rows };
                with_constants(rows, &format!("SELECT {columns} FROM {tables} WHERE {on}"))
            }
            About::Select { columns, tables, on, with_constants: false } => {
                let (k, values) = derived(Chunk { rows: &rows.filled_up(), ..rows });
                (format!("SELECT {columns} FROM {k} STRAIGHT_JOIN {tables} WHERE {on}"), values)
            }
            About::Update { table, set, on } => {
                let (k, values) = derived(rows);
                (format!("UPDATE {k} STRAIGHT_JOIN {table} SET {set} WHERE {on}"), values)
            }
            About::Delete { table } => {
                let (list, values) = rows.listed();
                (format!("DELETE FROM {table} WHERE ({}) IN ({list})", rows.names()), values)
            }
            About::PutNew { table, .. } => {
                let key = rows.columns[0];
                rows.put(table, &format!("ON DUPLICATE KEY UPDATE {key} = VALUES({key})"))
            }
            About::Put { table, key, .. } => {
                let (key, rest) = rows.columns.split_at(key);
                // A row of which everything is the key stays as it is.
                let changed = if rest.is_empty() { key } else { rest };
                let set: Vec<_> = changed.iter().map(|column| format!("{column} = VALUES({column})")).collect();
                rows.put(table, &format!("ON DUPLICATE KEY UPDATE {}", set.join(", ")))
            }
        }
    }

    /// Only a binary column is compared byte for byte.
    fn opaque(&self, text: Option<&str>) -> Value {
        text.map(|text| text.as_bytes().to_vec()).into()
    }

    fn opaque_from(&self, row: &QueryResult, index: usize) -> Result<Option<String>, SqlError> {
        let bytes: Option<Vec<u8>> = row.try_get_by_index(index)?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| SqlError::corrupt(format!("column {index} is not UTF-8")))
    }

    fn ids(&self, ids: Vec<i64>) -> (&'static str, Value) {
        ("SELECT j.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) j", lists::bracketed(&ids))
    }

    fn meaning_of(&self, error: &dyn DatabaseError) -> Option<Meaning> {
        let error = error.try_downcast_ref::<SqlxMySqlError>()?;
        Some(meaning_of(error.number(), error.message()))
    }

    async fn lock_and_raise(&self, run: &Transaction<'_>, expected: &Raises) -> Result<Heads, SqlError> {
        let mut heads = Heads::new();
        let ids: Vec<RoomId> = expected.keys().copied().collect();
        for chunk in ids.chunks(MOST_ROWS) {
            let padded = padded(chunk);
            let sql = format!(
                "SELECT id, {} FROM chat_rooms WHERE id IN ({}) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
                HEAD_COLUMNS.join(", "),
                repeated("?", padded.len())
            );
            let values = padded.into_iter().map(|room| signed(room.0).into()).collect();
            heads.append(&mut heads_from(&run.query(&sql, values).await?)?);
        }
        Ok(heads)
    }

    /// Nothing has been raised: an update does not return what was there before.
    async fn correct_heads(
        &self,
        run: &Transaction<'_>,
        before: &Heads,
        _expected: &Raises,
        exact: &Raises,
    ) -> Result<(), SqlError> {
        let raised = exact.iter().filter(|(room, raise)| raise.events > 0 && before.contains_key(room));
        let raised: Vec<_> = raised.map(|(room, raise)| (*room, *raise)).collect();
        for chunk in raised.chunks(MOST_ROWS) {
            let padded = padded(chunk);
            let cases = |then: &str| format!("CASE id {}END", format!("WHEN ? THEN {then} ").repeat(padded.len()));
            // One assignment sees what those before it have changed.
            let sql = format!(
                "UPDATE chat_rooms SET last_message_seq = {}, last_message_at = {}, ordinal = {}, head = {} \
                 WHERE id IN ({})",
                cases("COALESCE(head + ?, last_message_seq)"),
                cases("COALESCE(?, last_message_at)"),
                cases("ordinal + ?"),
                cases("head + ?"),
                repeated("?", padded.len())
            );
            let id = |room: &RoomId| Value::from(signed(room.0));
            let column = |of: fn(&Raise) -> Option<i64>| {
                padded.iter().flat_map(move |(room, raise)| [id(room), of(raise).into()])
            };
            let places = column(|raise| raise.last_message.map(|message| signed(message.place)));
            let times = column(|raise| raise.last_message.map(|message| message.at.0));
            let messages = column(|raise| Some(signed(raise.messages)));
            let events = column(|raise| Some(signed(raise.events)));
            let ids = padded.iter().map(|(room, _)| id(room));
            let values = places.chain(times).chain(messages).chain(events).chain(ids);
            run.execute(&sql, values.collect()).await?;
        }
        Ok(())
    }

    async fn find_keys(&self, run: &Transaction<'_>, keys: &[Key<'_>]) -> Result<Vec<StoredEvent>, SqlError> {
        batched::find_keys(run, AROUND_KEYS, keys).await
    }

    async fn insert_events(&self, run: &Transaction<'_>, events: &[StoredEvent]) -> Result<(), SqlError> {
        batched::insert_events(run, events).await
    }

    /// The server ends a connection that is silent for 8 s, and its lease with it.
    async fn try_lease(&self, run: &Run<'_, AutoCommit>) -> Result<bool, SqlError> {
        run.on.execute_unprepared("SET SESSION wait_timeout = 8").await?;
        let row = run.query_one("SELECT GET_LOCK(CONCAT('chat.lease.', MD5(DATABASE())), 0)", Vec::new()).await?;
        Ok(is_locked(row)?)
    }

    /// Each commits by itself.
    fn has_transactional_definitions(&self) -> bool {
        false
    }

    async fn lock_migrations(&self, on: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
        let query = |sql| on.query_one_raw(Statement::from_string(DbBackend::MySql, sql));
        let version = query("SELECT VERSION()".to_owned()).await?;
        let version: String = version.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        let limit = if version.contains("MariaDB") { "max_statement_time" } else { "max_execution_time" };
        on.execute_unprepared(&format!("SET SESSION {limit} = 0")).await?;
        let lock = query(format!("SELECT GET_LOCK(CONCAT('chat.migrate.', MD5(DATABASE())), {LOCK_SECONDS})"));
        if is_locked(lock.await?)? {
            return Ok(());
        }
        Err(DbErr::Custom("another process has been migrating for too long".to_owned()))
    }
}

/// The rows as a table `k`.
fn derived(rows: Chunk<'_>) -> Listed {
    let columns = rows.columns.iter().zip(&rows.rows[0]).map(|(name, value)| format!("{} AS {name}", typed(value)));
    let row = format!("SELECT {}", columns.collect::<Vec<_>>().join(", "));
    let (list, values) = rows.listed_as(&row, " UNION ALL ");
    (format!("({list}) k"), values)
}

/// The query for each row by itself, with its values in place of the columns of `k`.
fn with_constants(rows: Chunk<'_>, sql: &str) -> Listed {
    let mut parts = sql.split(" k.");
    let mut query = parts.next().unwrap_or_default().to_owned();
    let mut used = Vec::new();
    for part in parts {
        let end = part.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let Some(index) = rows.columns.iter().position(|column| *column == name) else { continue };
        used.push(index);
        query = format!("{query} {}{rest}", typed(&rows.rows[0][index]));
    }
    let values: Vec<Vec<Value>> =
        rows.rows.iter().map(|row| used.iter().map(|index| row[*index].clone()).collect()).collect();
    Chunk { columns: rows.columns, rows: &values }.listed_as(&query, " UNION ALL ")
}

/// A placeholder that has the type of its value before it is bound.
fn typed(value: &Value) -> &'static str {
    if matches!(value, Value::BigInt(_)) { "CAST(? AS SIGNED)" } else { "?" }
}

/// What `GET_LOCK` has answered.
fn is_locked(row: Option<QueryResult>) -> Result<bool, DbErr> {
    let answer: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(answer == Some(1))
}

/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>
fn meaning_of(number: u16, message: &str) -> Meaning {
    let (kind, is_lost) = match number {
        // Deadlock; record changed since it was read.
        1213 | 1020 => (Conflict, false),
        1021 | 1114 => (Full, false),
        // The system's own words for "no space left on device".
        _ if message.contains("rror 28 ") || message.contains("rrno: 28 ") || message.contains("rrcode: 28 ") => {
            (Full, false)
        }
        // Lock, statement and execution time-outs; interrupted; read-only; not enough rights, no such database.
        1205 | 1969 | 3024 | 1317 | 1290 | 1792 | 1836 | 1044 | 1049 | 1142 => (Unavailable, false),
        // Refused, too many connections, out of memory, shutdown, killed, idle for too long, gone.
        1045 | 1698 | 1040 | 1203 | 1037 | 1038 | 1041 | 1053 | 1077 | 1079 | 1080 | 1927 | 2006 | 2013 | 4031 => {
            (Unavailable, true)
        }
        _ => (Failed, false),
    };
    Meaning { kind, is_lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_a_full_disk_are_told() {
        let meaning = |number, message| (meaning_of(number, message).kind, meaning_of(number, message).is_lost);
        assert_eq!(meaning(1213, ""), (Conflict, false));
        assert_eq!(meaning(1114, ""), (Full, false));
        let full = r#"Got error 28 "No space left on device" from storage engine InnoDB"#;
        assert_eq!(meaning(1030, full), (Full, false));
        assert_eq!(meaning(1205, ""), (Unavailable, false));
        assert_eq!(meaning(1064, ""), (Failed, false));
    }
}
