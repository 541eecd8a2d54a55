//! PostgreSQL: whole batches as arrays, so that a statement has one form whatever its size.

use std::{borrow::Cow, fmt::Write as _};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqlxPostgresError, Value, sea_query::ArrayType, sqlx::error::DatabaseError,
};
use sea_orm_migration::SchemaManagerConnection;

use super::{
    super::{
        auto_commit::AutoCommit,
        error::SqlError,
        rows::{self, EVENT_COLUMNS, EVENT_WIDTH, OPTIONAL_EVENT_COLUMNS, signed, unsigned},
        run::Run,
    },
    Dialect, Heads, INSERT_ROOM, Key, Meaning, Raises, Transaction,
    about::{About, Chunk, Statement},
    heads_from,
    raises::{CORRECT, corrected_rows, raise_row},
    room_values,
};
use crate::{
    RoomId,
    append::{RoomRecord, StoredEvent},
    store::StoreErrorKind::{Conflict, Failed, Full, Unavailable},
};

/// The time-outs are lifted for this transaction: another process may be migrating a large table.
const MIGRATION_LOCK: [&str; 4] = [
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SELECT pg_advisory_xact_lock(1667785076, hashtext('migrate:' || coalesce(current_schema(), '')))",
];

/// PostgreSQL's dialect.
#[derive(Debug)]
pub(in crate::store::sea) struct Postgres;

#[async_trait]
impl Dialect for Postgres {
    fn backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    fn find_in(&self) -> &'static str {
        "strpos"
    }

    /// By the rows' places: without statistics, a join of the table with itself would read all of it.
    fn delete_some(&self, table: &str, _key: &str, condition: &str) -> String {
        let some = format!("SELECT ctid FROM {table} WHERE {condition} LIMIT ?");
        format!("DELETE FROM {table} WHERE ctid = ANY (ARRAY({some}))")
    }

    /// `OFFSET 0` keeps the planner from joining another way: without statistics, it scans.
    fn look_up(&self, table: &str, name: &str, condition: &str) -> String {
        format!(" LEFT JOIN LATERAL (SELECT * FROM {table} {name} WHERE {condition} OFFSET 0) {name} ON TRUE")
    }

    /// `$1`, `$2` … for each `?`.
    fn numbered<'s>(&self, sql: &'s str) -> Cow<'s, str> {
        numbered(sql)
    }

    fn about(&self, rows: Chunk<'_>, what: About<'_>) -> Statement {
        let (k, values) = unnested(rows);
        let sql = match what {
            // One look-up each: without statistics, the planner scans for a list. The offset keeps it from making a join of it.
            About::Select { columns, tables, on, .. } => {
                format!("SELECT l.* FROM {k} CROSS JOIN LATERAL (SELECT {columns} FROM {tables} WHERE {on} OFFSET 0) l")
            }
            About::Update { table, set, on } => format!("UPDATE {table} SET {set} FROM {k} WHERE {on}"),
            About::Delete { table } => {
                let on: Vec<_> = rows.columns.iter().map(|column| format!("{table}.{column} = k.{column}")).collect();
                format!("DELETE FROM {table} USING {k} WHERE {}", on.join(" AND "))
            }
            About::PutNew { table, key } => {
                let (names, conflict) = (rows.names(), rows.unless_there(key));
                format!("INSERT INTO {table} ({names}) SELECT {names} FROM {k} {conflict}")
            }
            About::Put { table, key, optional } => {
                let value = |column: &&str| {
                    if *column == optional { format!("NULLIF({column}, '')") } else { (*column).to_owned() }
                };
                let values: Vec<_> = rows.columns.iter().map(value).collect();
                let (names, conflict) = (rows.names(), rows.on_conflict(key));
                format!("INSERT INTO {table} ({names}) SELECT {} FROM {k} {conflict}", values.join(", "))
            }
        };
        (sql, values)
    }

    fn ids(&self, ids: Vec<i64>) -> (&'static str, Value) {
        ("SELECT unnest(?::bigint[])", ids.into())
    }

    fn meaning_of(&self, error: &dyn DatabaseError) -> Option<Meaning> {
        error.try_downcast_ref::<SqlxPostgresError>()?;
        Some(meaning_of(&error.code().unwrap_or_default()))
    }

    async fn lock_and_raise(&self, run: &Transaction<'_>, expected: &Raises) -> Result<Heads, SqlError> {
        const SQL: &str = "WITH l AS (SELECT r.id, r.head, r.ordinal, i.events, i.messages, i.place, i.at \
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) \
             i(id, events, messages, place, at) \
             JOIN chat_rooms r ON r.id = i.id WHERE r.deleted_at IS NULL ORDER BY r.id FOR UPDATE OF r) \
             UPDATE chat_rooms t SET head = l.head + l.events, ordinal = l.ordinal + l.messages, \
             last_message_seq = CASE WHEN l.place > 0 THEN l.head + l.place ELSE t.last_message_seq END, \
             last_message_at = CASE WHEN l.place > 0 THEN l.at ELSE t.last_message_at END FROM l \
             WHERE t.id = l.id RETURNING t.id, l.head, l.ordinal, t.kind, t.owned, t.invites, t.members, t.rights_seq";
        heads_from(&run.query(SQL, arrays(expected.iter().map(raise_row))).await?)
    }

    async fn correct_heads(
        &self,
        run: &Transaction<'_>,
        before: &Heads,
        expected: &Raises,
        exact: &Raises,
    ) -> Result<(), SqlError> {
        let rows = corrected_rows(before, expected, exact);
        if !rows.is_empty() {
            let arrays = arrays(rows);
            let from = "unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])";
            run.execute(&format!("WITH i(id, head, ordinal, seq, at) AS (SELECT * FROM {from}) {CORRECT}"), arrays)
                .await?;
        }
        Ok(())
    }

    /// One look-up per key: without statistics, a list makes the planner scan.
    async fn find_keys(&self, run: &Transaction<'_>, keys: &[Key<'_>]) -> Result<Vec<StoredEvent>, SqlError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT e.* FROM unnest($1::bigint[], $2::text[], $3::text[]) k(r, u, i) CROSS JOIN LATERAL \
             (SELECT {EVENT_COLUMNS} FROM chat_events WHERE room_id = k.r AND user_id = k.u AND idem_key = k.i LIMIT 1) e"
        );
        let rooms: Vec<i64> = keys.iter().map(|key| signed(key.room.0)).collect();
        let users: Vec<String> = keys.iter().map(|key| key.user.to_owned()).collect();
        let words: Vec<String> = keys.iter().map(|key| key.key.to_owned()).collect();
        let found = run.query(&sql, vec![rooms.into(), users.into(), words.into()]).await?;
        found.iter().map(|row| rows::event(run, row)).collect()
    }

    async fn insert_events(&self, run: &Transaction<'_>, events: &[StoredEvent]) -> Result<(), SqlError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut columns: [Vec<Value>; EVENT_WIDTH] = Default::default();
        for stored in events {
            for (column, value) in columns.iter_mut().zip(rows::event_values(run, stored)?) {
                // The driver's arrays hold no nulls.
                column.push(if value.is_some() { value } else { value.dummy_value() });
            }
        }
        let types = columns.each_ref().map(|column| column[0].array_type());
        let sql = insert_sql(&types);
        let arrays = types.into_iter().zip(columns).map(|(of, column)| Value::Array(of, Some(Box::new(column))));
        run.execute(&sql, arrays.collect()).await?;
        Ok(())
    }

    async fn insert_room(&self, run: &Transaction<'_>, new: &RoomRecord) -> Result<RoomId, SqlError> {
        let row = run.query_one(&format!("{INSERT_ROOM} RETURNING id"), room_values(run, new)).await?;
        let row = row.ok_or_else(|| SqlError::corrupt("an insert returned no id"))?;
        Ok(RoomId(unsigned(&row, 0)?))
    }

    /// The server ends a session that is silent for 8 s, and its lease with it. Older servers have no such limit: there the
    /// connection's end is noticed by the system's keep-alive.
    async fn try_lease(&self, run: &Run<'_, AutoCommit>) -> Result<bool, SqlError> {
        let limit = "SELECT set_config(name, '8s', false) FROM pg_settings WHERE name = 'idle_session_timeout'";
        run.on.execute_unprepared(limit).await?;
        let lock = "SELECT pg_try_advisory_lock(1667785076, hashtext('lease:' || coalesce(current_schema(), '')))";
        let row = run.query_one(lock, Vec::new()).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
    }

    async fn lock_migrations(&self, on: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
        for sql in MIGRATION_LOCK {
            on.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

fn numbered(sql: &str) -> Cow<'_, str> {
    if !sql.contains('?') {
        return Cow::Borrowed(sql);
    }
    let mut numbered = String::with_capacity(sql.len() + 16);
    for (number, part) in sql.split('?').enumerate() {
        if number > 0 {
            // Writing to a string cannot fail.
            let _ = write!(numbered, "${number}");
        }
        numbered.push_str(part);
    }
    Cow::Owned(numbered)
}

/// The columns of these rows, an array each.
fn arrays<const WIDTH: usize>(rows: impl IntoIterator<Item = [i64; WIDTH]>) -> Vec<Value> {
    let mut columns = [const { Vec::new() }; WIDTH];
    for row in rows {
        for (column, number) in columns.iter_mut().zip(row) {
            column.push(number);
        }
    }
    columns.map(Value::from).to_vec()
}

/// The rows as a table `k`, of an array per column.
fn unnested(rows: Chunk<'_>) -> Statement {
    let mut columns = vec![Vec::with_capacity(rows.rows.len()); rows.columns.len()];
    for row in rows.rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(if value.is_some() { value.clone() } else { value.dummy_value() });
        }
    }
    let types: Vec<_> = rows.rows[0].iter().map(Value::array_type).collect();
    let casts: Vec<_> = types.iter().map(|of| format!("?::{}[]", type_name(of))).collect();
    let arrays = types.into_iter().zip(columns).map(|(of, column)| Value::Array(of, Some(Box::new(column))));
    (format!("unnest({}) k({})", casts.join(", "), rows.names()), arrays.collect())
}

/// Inserts events from an array per column. An empty text or a 0 stands for null in a column that may be null.
fn insert_sql(types: &[ArrayType; EVENT_WIDTH]) -> String {
    let (mut selected, mut arrays) = (String::new(), String::new());
    for (index, (name, of)) in EVENT_COLUMNS.split(", ").zip(types).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let nothing = if *of == ArrayType::String { "''" } else { "0" };
        // Writing to a string cannot fail.
        let _ = if OPTIONAL_EVENT_COLUMNS.contains(&name) {
            write!(selected, "{comma}NULLIF({name}, {nothing})")
        } else {
            write!(selected, "{comma}{name}")
        };
        let _ = write!(arrays, "{comma}${}::{}[]", index + 1, type_name(of));
    }
    format!("INSERT INTO chat_events ({EVENT_COLUMNS}) SELECT {selected} FROM unnest({arrays}) i({EVENT_COLUMNS})")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no column has another type")]
const fn type_name(of: &ArrayType) -> &'static str {
    match of {
        ArrayType::SmallInt => "smallint",
        ArrayType::BigInt => "bigint",
        ArrayType::Bytes => "bytea",
        _ => "text",
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn meaning_of(state: &str) -> Meaning {
    let (kind, is_lost) = match state {
        // Serialization failure, deadlock.
        "40001" | "40P01" => (Conflict, false),
        "53100" => (Full, false),
        // Lock time-out, statement time-out, read-only, not enough rights, no such database.
        "55P03" | "57014" | "25006" | "42501" | "3D000" => (Unavailable, false),
        // Idle in the transaction for too long.
        "25P03" => (Unavailable, true),
        // Connection, authorization, resources, operator intervention, system error.
        _ if ["08", "28", "53", "57", "58"].iter().any(|class| state.starts_with(class)) => (Unavailable, true),
        _ => (Failed, false),
    };
    Meaning { kind, is_lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered() {
        assert_eq!(numbered("a = ? AND b = ? OR c"), "a = $1 AND b = $2 OR c");
        assert_eq!(numbered("a = $1"), "a = $1");
    }

    #[test]
    fn states_are_read_by_class() {
        let meaning = |state| (meaning_of(state).kind, meaning_of(state).is_lost);
        assert_eq!(meaning("40P01"), (Conflict, false));
        assert_eq!(meaning("53100"), (Full, false));
        assert_eq!(meaning("57P01"), (Unavailable, true));
        assert_eq!(meaning("55P03"), (Unavailable, false));
        assert_eq!(meaning("42601"), (Failed, false));
    }
}
