//! Invites, and where the events of the audit stand.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again, and the
//! audit is filled with what is not in it.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{Name, Number, Opaque, OptionalOpaque},
    make_index, make_table,
};
use crate::failpoints::{self, Point};

const TABLES: [Table; 3] = [
    Table {
        name: "chat_invites",
        columns: &[
            ("code", Opaque(32)),
            ("room_id", Number),
            ("by_id", OptionalOpaque(256)),
            ("by_name", Name),
            ("at_us", Number),
            ("expires_us", Number),
            ("max_uses", Number),
            ("uses", Number),
        ],
        key: "code",
    },
    Table {
        name: "chat_invite_uses",
        columns: &[("room_id", Number), ("code", Opaque(32)), ("user_id", Opaque(256))],
        key: "room_id, code, user_id",
    },
    Table { name: "chat_audit", columns: &[("room_id", Number), ("seq", Number)], key: "room_id, seq" },
];

/// The indexes of new tables: table, name, columns.
const INDEXES: [(&str, &str, &str); 3] = [
    ("chat_invites", "chat_invites_rooms", "(room_id, code)"),
    ("chat_invites", "chat_invites_by", "(by_id)"),
    ("chat_invite_uses", "chat_invite_uses_users", "(user_id)"),
];

/// Changes of rooms and of members (2, 9), and deletions (6) by others than the message's author.
const FILL: &str = "INSERT INTO chat_audit (room_id, seq) SELECT e.room_id, e.seq FROM chat_events e \
     LEFT JOIN chat_events t ON t.room_id = e.room_id AND t.seq = e.target_seq \
     WHERE (e.kind IN (2, 9) OR (e.kind = 6 AND COALESCE(e.user_id, '') <> COALESCE(t.user_id, ''))) \
     AND NOT EXISTS (SELECT 1 FROM chat_audit a WHERE a.room_id = e.room_id AND a.seq = e.seq)";

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_invites_and_audit"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in &TABLES {
            make_table(manager, table).await?;
        }
        for (table, index, columns) in INDEXES {
            make_index(manager, table, index, columns).await?;
        }
        failpoints::reached(Point::InMigration);
        manager.get_connection().execute_unprepared(FILL).await?;
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
