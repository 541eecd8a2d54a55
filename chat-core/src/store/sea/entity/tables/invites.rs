//! `chat_invites`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Timestamp, UserId};

/// An invite that was not revoked. One that is over may still be there: look at `expires_us` and `uses`.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_invites")]
#[non_exhaustive]
pub struct Model {
    /// Its code. **A secret**: whoever has it may come in.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// The room that it leads into.
    pub room_id: RoomId,
    /// Who made it; null if the host itself did.
    pub by_id: Option<UserId>,
    /// Their name; empty if `by_id` is null.
    pub by_name: String,
    /// When it was made.
    pub at_us: Timestamp,
    /// Until when it is good.
    pub expires_us: Timestamp,
    /// How many users may come in by it; 0: any number.
    pub max_uses: i64,
    /// How many have.
    pub uses: i64,
}

of_a_room!();
read_only!();
