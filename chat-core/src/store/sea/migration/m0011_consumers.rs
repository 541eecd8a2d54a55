//! How far the consumers of what happens in all rooms are, and what was given up.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{Name, Number, Opaque},
    make_index, make_table,
};
use crate::failpoints::{self, Point};

const CONSUMERS: Table = Table {
    name: "chat_consumers",
    columns: &[
        ("name", Opaque(64)),
        // Up to where it has everything, but for the rooms that are held back; 0: nothing.
        ("pos", Number),
        ("seq", Number),
        ("dead_letters", Number),
        ("saves", Number),
    ],
    key: "name",
};

const HELD_ROOMS: Table = Table {
    name: "chat_held_rooms",
    columns: &[
        ("consumer", Opaque(64)),
        ("room_id", Number),
        // The entry that it waits for.
        ("pos", Number),
        ("seq", Number),
        ("tries", Number),
        ("since", Number),
        ("next_try", Number),
        ("reason", Name),
    ],
    key: "consumer, room_id",
};

const DEAD_LETTERS: Table = Table {
    name: "chat_dead_letters",
    columns: &[
        ("consumer", Opaque(64)),
        ("number", Number),
        ("pos", Number),
        ("seq", Number),
        ("room_id", Number),
        ("at_us", Number),
        ("tries", Number),
        ("reason", Name),
    ],
    key: "consumer, number",
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_consumers"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make_table(manager, &CONSUMERS).await?;
        make_table(manager, &HELD_ROOMS).await?;
        make_table(manager, &DEAD_LETTERS).await?;
        make_index(manager, "chat_tail", "chat_tail_room", "(room_id, pos)").await?;
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
