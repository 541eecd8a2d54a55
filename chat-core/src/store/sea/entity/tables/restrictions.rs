//! `chat_restrictions`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq, Timestamp, UserId};

/// A ban or a mute. One that is over may still be there: look at `until_us`.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_restrictions")]
#[non_exhaustive]
pub struct Model {
    /// The room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// Which it is: [`Model::BAN`] or [`Model::MUTE`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i16,
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Their name then.
    pub user_name: String,
    /// Until when; `i64::MAX`: for good.
    pub until_us: Timestamp,
    /// Why; empty if nobody said. **Encrypted** while texts are.
    pub reason: String,
    /// By whom; null if the host itself did it.
    pub by_id: Option<UserId>,
    /// Their name; empty if `by_id` is null.
    pub by_name: String,
    /// The event that it began with.
    pub seq: Seq,
    /// When that was.
    pub at_us: Timestamp,
}

impl Model {
    /// `kind` of a ban.
    pub const BAN: i16 = 0;
    /// `kind` of a mute.
    pub const MUTE: i16 = 1;
}

of_a_room!();
read_only!();
