//! `chat_reactions`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq, Timestamp, UserId};

/// A reaction that a user has on a message now.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_reactions")]
#[non_exhaustive]
pub struct Model {
    /// The room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// The message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub target_seq: Seq,
    /// The reaction.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reaction: String,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Their name then.
    pub user_name: String,
    /// The event that added it.
    pub seq: Seq,
    /// When.
    pub at_us: Timestamp,
}

of_a_room!();
read_only!();
