//! The columns, tables and indexes for what people do with messages besides sending them: edits and deletions, reactions,
//! pins, threads, mentions, read marks, search and erasure.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again. No
//! row is written; the log is read to build the indexes.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{self, Bytes, Key, Name, Number, NumberOrZero, Opaque, OptionalOpaque, Small},
    add_column, make_index, make_table,
};
use crate::failpoints::{self, Point};

/// The columns that are added: table, name, definition.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("chat_rooms", "first_seq", "BIGINT NOT NULL DEFAULT 1"),
    ("chat_rooms", "pruned_ordinal", "BIGINT NOT NULL DEFAULT 0"),
    ("chat_rooms", "indexed_seq", "BIGINT NOT NULL DEFAULT 0"),
    ("chat_rooms", "archived_at", "BIGINT"),
    ("chat_rooms", "slow_mode_s", "BIGINT"),
    ("chat_rooms", "meta", "TEXT"),
    ("chat_events", "thread", "BIGINT"),
    ("chat_events", "thread_ordinal", "BIGINT"),
    ("chat_events", "amount", "BIGINT"),
    ("chat_events", "mentions", "TEXT"),
    ("chat_events", "flags", "SMALLINT"),
    ("chat_events", "expires_at", "BIGINT"),
];

const USER: Type = Opaque(256);
const OPTIONAL_USER: Type = OptionalOpaque(256);
const REACTION: Type = Opaque(64);
/// A term, and the end of a block of the messages that have it.
const BLOCK: Type = Key(96);

const TABLES: [Table; 11] = [
    Table {
        name: "chat_reactions",
        columns: &[
            ("room_id", Number),
            ("target_seq", Number),
            ("reaction", REACTION),
            ("user_id", USER),
            ("user_name", Name),
            ("seq", Number),
            ("at_us", Number),
        ],
        key: "room_id, target_seq, reaction, user_id",
    },
    Table {
        name: "chat_reaction_counts",
        columns: &[
            ("room_id", Number),
            ("target_seq", Number),
            ("reaction", REACTION),
            ("amount", Number),
            ("since_seq", Number),
        ],
        key: "room_id, target_seq, reaction",
    },
    Table {
        name: "chat_pins",
        columns: &[("room_id", Number), ("target_seq", Number), ("seq", Number)],
        key: "room_id, target_seq",
    },
    Table {
        name: "chat_threads",
        columns: &[
            ("room_id", Number),
            ("root_seq", Number),
            ("amount", Number),
            ("last_ordinal", Number),
            ("last_seq", Number),
        ],
        key: "room_id, root_seq",
    },
    Table {
        name: "chat_thread_users",
        columns: &[("room_id", Number), ("root_seq", Number), ("user_id", USER)],
        key: "room_id, root_seq, user_id",
    },
    Table {
        name: "chat_mentions",
        columns: &[("user_id", USER), ("room_id", Number), ("seq", Number), ("author_id", OPTIONAL_USER)],
        key: "user_id, room_id, seq",
    },
    Table {
        name: "chat_tombstones",
        columns: &[("room_id", Number), ("seq", Number), ("user_id", OPTIONAL_USER)],
        key: "room_id, seq",
    },
    Table {
        name: "chat_reads",
        columns: &[
            ("user_id", USER),
            ("room_id", Number),
            ("thread", NumberOrZero),
            ("seq", Number),
            ("ordinal", Number),
            ("by_back", Small),
            ("user_name", Name),
        ],
        key: "user_id, room_id, thread",
    },
    Table {
        name: "chat_notify",
        columns: &[("user_id", USER), ("room_id", Number), ("notify", Small)],
        key: "user_id, room_id",
    },
    Table { name: "chat_terms", columns: &[("block", BLOCK), ("places", Bytes)], key: "block" },
    Table {
        name: "chat_erasures",
        columns: &[("user_id", USER), ("new_id", USER), ("mode", Small), ("stage", Small), ("at_us", Number)],
        key: "user_id",
    },
];

/// The indexes of new tables: table, name, columns.
const INDEXES: [(&str, &str, &str); 5] = [
    ("chat_reactions", "chat_reactions_order", "(room_id, target_seq, seq)"),
    ("chat_pins", "chat_pins_order", "(room_id, seq)"),
    ("chat_mentions", "chat_mentions_rooms", "(room_id, seq)"),
    ("chat_reads", "chat_reads_rooms", "(room_id, thread, user_id)"),
    ("chat_notify", "chat_notify_rooms", "(room_id)"),
];
/// The indexes of the log: name, columns, and columns on MySQL. MySQL has no index of a part of a table: there, other events
/// are in them, too.
const LOG_INDEXES: [(&str, &str, &str); 3] = [
    ("chat_events_threads", "(room_id, thread, thread_ordinal) WHERE kind = 4", "(room_id, thread, thread_ordinal)"),
    ("chat_events_edits", "(room_id, target_seq, seq) WHERE kind = 5", "(room_id, target_seq, kind, seq)"),
    ("chat_events_authors", "(room_id, user_id, seq) WHERE kind = 1", "(room_id, user_id, kind, seq)"),
];

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_conversation"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_connection().get_database_backend();
        for (table, column, definition) in COLUMNS {
            add_column(manager, table, column, definition).await?;
        }
        for table in &TABLES {
            make_table(manager, table).await?;
        }
        for (table, index, columns) in INDEXES {
            make_index(manager, table, index, columns).await?;
        }
        let has_events = has_events(manager).await?;
        for (step, (index, part, whole)) in (1..).zip(LOG_INDEXES) {
            let is_there = manager.has_index("chat_events", index).await?;
            if has_events && !is_there {
                tracing::info!(step, of = LOG_INDEXES.len(), "migrating: the log is read for the index {index}");
            }
            let columns = if backend == DbBackend::MySql { whole } else { part };
            make_index(manager, "chat_events", index, columns).await?;
        }
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}

/// Whether there is a log to be read.
async fn has_events(manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
    let connection = manager.get_connection();
    let sql = "SELECT seq FROM chat_events LIMIT 1";
    let first = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await?;
    Ok(first.is_some())
}
