//! The outbox: messages that hosts queue in transactions of their own. And keys of hosts for rooms.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: what is there is not made again.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait};

use super::tables::{
    Table,
    Type::{Name, Number, Opaque, OptionalNumber, OptionalOpaque, OptionalText, Serial, Small},
    add_column, make_index, make_table, make_unique_index,
};
use crate::failpoints::{self, Point};

const OUTBOX: Table = Table {
    name: "chat_outbox",
    columns: &[
        ("id", Serial),
        ("room_id", Number),
        ("user_id", Opaque(256)),
        ("user_name", Name),
        ("idem_key", Opaque(64)),
        ("at_us", Number),
        ("reply_to", OptionalNumber),
        ("thread", OptionalNumber),
        ("body", OptionalText),
        ("meta", OptionalText),
        ("mentions", OptionalText),
        ("flags", Small),
        // The code of the error for which it was not sent; null while it waits.
        ("failure", OptionalOpaque(64)),
    ],
    key: "",
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_outbox"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make_table(manager, &OUTBOX).await?;
        make_unique_index(manager, "chat_outbox", "chat_outbox_key", "(idem_key, room_id, user_id)").await?;
        make_index(manager, "chat_outbox", "chat_outbox_waiting", "(failure, id)").await?;
        let external = OptionalOpaque(256).definition(manager.get_database_backend());
        add_column(manager, "chat_rooms", "external", &external).await?;
        make_unique_index(manager, "chat_rooms", "chat_rooms_external", "(external)").await?;
        failpoints::reached(Point::InMigration);
        Ok(())
    }
}
