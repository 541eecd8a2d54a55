//! Whether texts are encrypted, by which keys, and in which rooms what was stored before is still to be rewritten.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::add_column;
use crate::failpoints::{self, Point};

/// The columns that are added: table, name, definition.
const COLUMNS: [(&str, &str, &str); 6] = [
    ("chat_meta", "sealed", "SMALLINT NOT NULL DEFAULT 0"),
    ("chat_meta", "index_key", "BIGINT"),
    ("chat_meta", "text_key", "BIGINT"),
    ("chat_meta", "text_key_check", "BIGINT"),
    ("chat_meta", "terms_stale", "SMALLINT NOT NULL DEFAULT 0"),
    ("chat_rooms", "sealed_seq", "BIGINT"),
];

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_encryption"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column, definition) in COLUMNS {
            add_column(manager, table, column, definition).await?;
        }
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
