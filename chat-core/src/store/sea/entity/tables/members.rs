//! `chat_members`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq, Timestamp, UserId};

/// Somebody who is in a room. There are none if the host keeps the members (`Members::Host`).
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_members")]
#[non_exhaustive]
pub struct Model {
    /// The room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Their name, as the room last heard it.
    pub user_name: String,
    /// As what: [`Model::OWNER`] and the like.
    pub role: i16,
    /// The event that brought them in; 0 where the room began with them.
    pub since_seq: Seq,
    /// When they came in.
    pub at_us: Timestamp,
}

impl Model {
    /// `role` of an owner.
    pub const OWNER: i16 = 0;
    /// `role` of a moderator.
    pub const MODERATOR: i16 = 1;
    /// `role` of a member without more rights.
    pub const MEMBER: i16 = 2;
}

of_a_room!();
read_only!();
