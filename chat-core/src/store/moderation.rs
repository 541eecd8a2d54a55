//! Reading what those need who keep order in rooms: invites, and the audit.

use async_trait::async_trait;

use super::StoreError;
use crate::{AuditPage, AuditQuery, Invite, InviteCode, InvitePage, RoomId, Timestamp, UserId};

/// What reads invites, and what was done in rooms.
#[async_trait]
pub trait Moderation: Send + Sync {
    /// An invite to a living room, whether it can be used or not.
    async fn invite(&self, code: InviteCode) -> Result<Option<Invite>, StoreError>;

    /// A page of the invites to a room that live at this time, by their codes; only those that this user has made, if one is given.
    /// `None` where the room is gone.
    async fn invites(
        &self,
        room: RoomId,
        by: Option<&UserId>,
        at: Timestamp,
        after: Option<InviteCode>,
        limit: usize,
    ) -> Result<Option<InvitePage>, StoreError>;

    /// A page of a room's audit; `None` where the room is gone.
    async fn audit(&self, room: RoomId, query: AuditQuery) -> Result<Option<AuditPage>, StoreError>;
}
