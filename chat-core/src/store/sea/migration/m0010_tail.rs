//! The order of what happens in all rooms, and jobs of which each is done by one engine at a time.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{Number, Opaque, OptionalNumber},
    add_column, make_table,
};
use crate::failpoints::{self, Point};

const TAIL: Table = Table {
    name: "chat_tail",
    columns: &[
        ("pos", Number),
        ("room_id", Number),
        // 0: that the room was made.
        ("from_seq", Number),
        ("to_seq", Number),
        // When the room was deleted, if its last event is the last of these; else 0.
        ("deleted_at", Number),
    ],
    key: "pos",
};

const JOBS: Table = Table { name: "chat_jobs", columns: &[("name", Opaque(64)), ("position", Number)], key: "name" };

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_tail"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make_table(manager, &TAIL).await?;
        make_table(manager, &JOBS).await?;
        // Null: nothing of the room is in the order yet, not even that it was made.
        let tail_seq = OptionalNumber.definition(manager.get_database_backend());
        add_column(manager, "chat_rooms", "tail_seq", &tail_seq).await?;
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
