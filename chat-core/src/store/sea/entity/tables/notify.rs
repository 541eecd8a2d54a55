//! `chat_notify`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, UserId};

/// What a user wants to be told of a room. Where there is no row: everything.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_notify")]
#[non_exhaustive]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// [`Model::ALL`] messages, only [`Model::MENTIONS`], or [`Model::NONE`].
    pub notify: i16,
}

impl Model {
    /// `notify` of who wants to be told of all messages.
    pub const ALL: i16 = 0;
    /// `notify` of who wants to be told only of what mentions them.
    pub const MENTIONS: i16 = 1;
    /// `notify` of who wants to be told nothing.
    pub const NONE: i16 = 2;
}

of_a_room!();
read_only!();
