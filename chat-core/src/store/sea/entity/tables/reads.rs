//! `chat_reads`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq, UserId};

/// How far a user has read a room, or a thread in it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_reads")]
#[non_exhaustive]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// The message whose thread it is about; 0: the room outside of threads.
    #[sea_orm(primary_key, auto_increment = false)]
    pub thread: Seq,
    /// Up to this event.
    pub seq: Seq,
    /// How many messages there were up to there. The `ordinal` of the room less this one is how many came since, the user's own and
    /// deleted ones among them.
    pub ordinal: i64,
    /// The user's name then.
    pub user_name: String,
}

of_a_room!();
read_only!();
