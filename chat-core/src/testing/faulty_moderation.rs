//! Invites and the audit, by a store that fails as told.

use async_trait::async_trait;

use super::{FaultyStore, StoreCall};
use crate::{
    AuditPage, AuditQuery, Invite, InviteCode, InvitePage, RoomId, Timestamp, UserId,
    store::{Moderation, StoreError},
};

#[async_trait]
impl Moderation for FaultyStore {
    async fn invite(&self, code: InviteCode) -> Result<Option<Invite>, StoreError> {
        self.run(StoreCall::Read, self.inner().moderation().invite(code)).await
    }

    async fn invites(
        &self,
        room: RoomId,
        by: Option<&UserId>,
        at: Timestamp,
        after: Option<InviteCode>,
        limit: usize,
    ) -> Result<Option<InvitePage>, StoreError> {
        self.run(StoreCall::Read, self.inner().moderation().invites(room, by, at, after, limit)).await
    }

    async fn audit(&self, room: RoomId, query: AuditQuery) -> Result<Option<AuditPage>, StoreError> {
        self.run(StoreCall::Read, self.inner().moderation().audit(room, query)).await
    }
}
