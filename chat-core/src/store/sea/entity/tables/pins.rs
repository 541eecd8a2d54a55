//! `chat_pins`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq};

/// A message that is pinned now.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_pins")]
#[non_exhaustive]
pub struct Model {
    /// The room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// The message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub target_seq: Seq,
    /// The event that pinned it.
    pub seq: Seq,
}

of_a_room!();
read_only!();
