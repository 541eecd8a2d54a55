//! The tables as entities of sea-orm, for a host that has them in its own database and reads them: joins its projects with the
//! rooms, say, or counts messages for a report.
//!
//! ```
//! # use chat_core::RoomId;
//! use chat_core::entity::events;
//! use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter};
//!
//! /// How many messages a room has outside of threads.
//! async fn messages(database: &DatabaseConnection, room: RoomId) -> Result<u64, DbErr> {
//!     events::Entity::find()
//!         .filter(events::Column::RoomId.eq(room))
//!         .filter(events::Column::Kind.eq(events::Model::MESSAGE))
//!         .filter(events::Column::DeletedSeq.is_null())
//!         .count(database)
//!         .await
//! }
//! ```
//!
//! # The contract
//!
//! These tables and columns are a contract, of the version [`SCHEMA_VERSION`]. What they are called, what they mean and how they are
//! stored changes only with another version, and the changelog says so under *Schema*. Columns and tables may be added, so models
//! cannot be written out, and a `match` on columns wants an arm for all others. The columns of a table that are not in its model, and the
//! tables that are not here, are the engine's own, and may change with any version: they follow from these ones (the search index,
//! counters), are work in progress (the outbox, jobs, consumers), or say how texts are encrypted.
//!
//! A database says in `chat_migrations` which version it has: `m0011_…` is version 11. The engine brings an older one forward
//! when it starts. A program of another version that reads beside it can compare.
//!
//! How values are stored, on each database:
//!
//! | type | column | |
//! |---|---|---|
//! | [`RoomId`], [`Seq`], `i64` | `BIGINT` | never negative, and at most 2⁵³ − 1 |
//! | `i16` | `SMALLINT` | one of a few numbers, whose meaning never changes; there may be more of them in later versions |
//! | [`Timestamp`] | `BIGINT` | microseconds since 1970, UTC |
//! | [`UserId`], and keys: `external`, `idem_key`, `code`, `reaction` | `TEXT`, compared byte for byte; `VARBINARY` on MySQL and MariaDB | UTF-8 |
//! | other texts | `TEXT` or `VARCHAR` | UTF-8. On MySQL and MariaDB they are compared byte for byte, too |
//!
//! [`RoomId`]: crate::RoomId
//! [`Seq`]: crate::Seq
//! [`Timestamp`]: crate::Timestamp
//! [`UserId`]: crate::UserId
//!
//! - An erased user is `erased:` and 32 digits in all columns, with the name `Deleted user`.
//! - When texts are encrypted, three columns are: `body` and `meta` of [`events`], and `reason` of [`restrictions`]. Their pages
//!   say what that means. All else can be read as ever.
//! - What you read is what is committed. A deleted room goes in two steps: [`deleted_at`](rooms::Model::deleted_at) is set at once, and its rows
//!   in the other tables are removed within the next seconds.
//! - No rights are asked, and no policy: whoever reads the tables reads everything.
//!
//! # Read-only
//!
//! The engine alone writes these tables. Its promises (numbers without holes, nothing sent twice, everybody hears it) are gone once somebody
//! else does, and what it has in memory is wrong. So the entities offer no writing as far as sea-orm lets them: `insert`, `update`, `delete` and the like
//! of an entity do not compile, and a model or an active model that is saved or deleted is refused with `DbErr::Custom` before
//! anything reaches the database. What cannot be helped are `sea_orm::Insert`, `Update` and `Delete`, which take any entity: **do not use them
//! on these**. Whoever wants to be sure reads with a user of the database who may only `SELECT`.
//!
//! ```compile_fail,E0061
//! chat_core::entity::rooms::Entity::delete_many();
//! ```

mod tables;
mod values;

/// The version of the contract: the number of the newest migration that a database has, in which these entities can be read.
pub const SCHEMA_VERSION: u32 = 11;

/// There is none. It is what those functions of the entities ask for that would write.
#[derive(Debug, Clone, Copy)]
pub enum OnlyTheEngineWrites {}

/// Makes what hosts read of a table public. Its active model stays inside.
macro_rules! tables {
    ($($(#[$about:meta])* $table:ident),* $(,)?) => {$(
        $(#[$about])*
        pub mod $table {
            pub use super::tables::$table::{Column, Entity, Model, PrimaryKey, Relation};
        }
    )*};
}
tables! {
    /// The logs of the rooms: `chat_events`.
    events,
    /// Invites: `chat_invites`.
    invites,
    /// Who is in which room: `chat_members`.
    members,
    /// What users want to be told of rooms: `chat_notify`.
    notify,
    /// Pinned messages: `chat_pins`.
    pins,
    /// Reactions to messages: `chat_reactions`.
    reactions,
    /// How far users have read rooms: `chat_reads`.
    reads,
    /// Bans and mutes: `chat_restrictions`.
    restrictions,
    /// The rooms: `chat_rooms`.
    rooms,
    /// The names that users have chosen: `chat_users`.
    users,
}
