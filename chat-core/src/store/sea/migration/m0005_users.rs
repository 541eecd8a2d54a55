//! What is kept of users beside what they do in rooms: the names they choose, whose access was taken away, and whether guests
//! have ids that others could have, too.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{Key, Name, Number, Opaque},
    add_column, make_table,
};
use crate::failpoints::{self, Point};

const TABLES: [Table; 2] = [
    Table {
        name: "chat_users",
        columns: &[("id", Opaque(256)), ("name", Name), ("name_key", Opaque(1_024)), ("instead_of", Name)],
        key: "id",
    },
    Table { name: "chat_revocations", columns: &[("user_sha256", Key(32)), ("at_us", Number)], key: "user_sha256" },
];

/// Until now everyone who was in a room was a guest with an id that anyone may have, unless a host knew better.
const KEEP_GUESTS: &str = "UPDATE chat_meta SET bare_guest_ids = 1 WHERE EXISTS (SELECT 1 FROM chat_rooms)";

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_users"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in &TABLES {
            make_table(manager, table).await?;
        }
        add_column(manager, "chat_meta", "bare_guest_ids", "SMALLINT NOT NULL DEFAULT 0").await?;
        manager.get_connection().execute_unprepared(KEEP_GUESTS).await?;
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
