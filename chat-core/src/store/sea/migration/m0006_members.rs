//! Who is in rooms: kinds of rooms, members, bans and mutes.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again. Rooms
//! that are there stay as they were: public, and nobody's.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{Name, Number, Opaque, OptionalOpaque, Small, Text},
    add_column, make_index, make_table,
};
use crate::failpoints::{self, Point};

/// The columns that are added to rooms: name, definition.
const COLUMNS: [(&str, &str); 5] = [
    ("kind", "SMALLINT NOT NULL DEFAULT 0"),
    ("owned", "SMALLINT NOT NULL DEFAULT 0"),
    ("invites", "SMALLINT NOT NULL DEFAULT 0"),
    ("members", "BIGINT NOT NULL DEFAULT 0"),
    ("rights_seq", "BIGINT NOT NULL DEFAULT 0"),
];

const TABLES: [Table; 3] = [
    Table { name: "chat_direct", columns: &[("pair", Opaque(1_024)), ("room_id", Number)], key: "pair" },
    Table {
        name: "chat_members",
        columns: &[
            ("room_id", Number),
            ("user_id", Opaque(256)),
            ("user_name", Name),
            ("name_key", Opaque(1_024)),
            ("role", Small),
            ("since_seq", Number),
            ("at_us", Number),
        ],
        key: "room_id, user_id",
    },
    Table {
        name: "chat_restrictions",
        columns: &[
            ("room_id", Number),
            ("kind", Small),
            ("user_id", Opaque(256)),
            ("user_name", Name),
            ("until_us", Number),
            ("reason", Text),
            ("by_id", OptionalOpaque(256)),
            ("by_name", Name),
            ("seq", Number),
            ("at_us", Number),
        ],
        key: "room_id, kind, user_id",
    },
];

/// The indexes of new tables: table, name, columns.
const INDEXES: [(&str, &str, &str); 6] = [
    ("chat_direct", "chat_direct_rooms", "(room_id)"),
    ("chat_members", "chat_members_rooms", "(user_id, room_id)"),
    ("chat_members", "chat_members_list", "(room_id, role, user_id)"),
    ("chat_members", "chat_members_standing", "(room_id, role, since_seq)"),
    ("chat_restrictions", "chat_restrictions_users", "(user_id, room_id)"),
    ("chat_restrictions", "chat_restrictions_by", "(by_id)"),
];

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_members"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (column, definition) in COLUMNS {
            add_column(manager, "chat_rooms", column, definition).await?;
        }
        for table in &TABLES {
            make_table(manager, table).await?;
        }
        for (table, index, columns) in INDEXES {
            make_index(manager, table, index, columns).await?;
        }
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
