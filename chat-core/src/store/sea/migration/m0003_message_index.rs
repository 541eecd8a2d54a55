//! Messages are found by their ordinal, a room's row has its newest message, and an event has a place for the message that it
//! replies to.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again, and
//! rooms that have their newest message are done.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::super::dialect;
use crate::failpoints::{self, Point};

/// How many rooms' ids a step goes through.
const STEP: i64 = 4_096;
/// The living rooms that have messages, but not their newest one.
const MISSING: &str = "ordinal > 0 AND last_message_seq IS NULL AND deleted_at IS NULL";
/// The columns that are added, each a number that may be null.
const COLUMNS: [(&str, &str); 3] =
    [("chat_rooms", "last_message_seq"), ("chat_rooms", "last_message_at"), ("chat_events", "reply_to")];
/// The index by which pages of history are read.
const INDEX: &str = "chat_events_messages";

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_message_index"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        define(manager).await?;
        let mut from = 0;
        while let Some(first) = next_room(manager, from).await? {
            failpoints::reached(Point::InMigration);
            from = first + STEP;
            fill(manager, first, from).await?;
        }
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}

async fn define(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    for (table, column) in COLUMNS {
        failpoints::reached(Point::InMigration);
        if !manager.has_column(table, column).await? {
            connection.execute_unprepared(&format!("ALTER TABLE {table} ADD COLUMN {column} BIGINT")).await?;
        }
    }
    failpoints::reached(Point::InMigration);
    if !manager.has_index("chat_events", INDEX).await? {
        // MySQL has no index of a part of a table: there, other events are in it, too, beside the messages.
        let columns = if connection.get_database_backend() == DbBackend::MySql {
            "(room_id, kind, ordinal)"
        } else {
            "(room_id, ordinal) WHERE kind = 1"
        };
        connection.execute_unprepared(&format!("CREATE INDEX {INDEX} ON chat_events {columns}")).await?;
    }
    Ok(())
}

/// The first room from this id on that is not done.
async fn next_room(manager: &SchemaManager<'_>, from: i64) -> Result<Option<i64>, DbErr> {
    let sql = format!("SELECT id FROM chat_rooms WHERE id >= ? AND {MISSING} ORDER BY id LIMIT 1");
    let row = manager.get_connection().query_one_raw(statement(manager, &sql, vec![from.into()])?).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// Writes the newest message into the rows of these rooms.
async fn fill(manager: &SchemaManager<'_>, from: i64, to: i64) -> Result<(), DbErr> {
    let newest = |column: &str| {
        format!(
            "(SELECT e.{column} FROM chat_events e WHERE e.room_id = chat_rooms.id AND e.kind = 1 \
             ORDER BY e.ordinal DESC LIMIT 1)"
        )
    };
    let sql = format!(
        "UPDATE chat_rooms SET last_message_at = {}, last_message_seq = {} WHERE id >= ? AND id < ? AND {MISSING}",
        newest("at_us"),
        newest("seq")
    );
    manager.get_connection().execute_raw(statement(manager, &sql, vec![from.into(), to.into()])?).await.map(drop)
}

fn statement(manager: &SchemaManager<'_>, sql: &str, values: Vec<Value>) -> Result<Statement, DbErr> {
    let backend = manager.get_connection().get_database_backend();
    let dialect = dialect::of(backend).ok_or_else(|| DbErr::Migration("unknown database".to_owned()))?;
    Ok(Statement::from_sql_and_values(backend, dialect.numbered(sql), values))
}
