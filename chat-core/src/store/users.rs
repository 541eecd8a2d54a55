//! What is kept of users beside what they do in rooms.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    Timestamp, UserId,
    users::{ChosenName, Revocation, UserDigest},
};

/// What keeps it.
#[async_trait]
pub trait Users: Send + Sync {
    /// Whether guests have, or may have, ids here that other users could have, too.
    async fn has_bare_guest_ids(&self) -> Result<bool, StoreError>;

    /// Keeps in mind that guests have such ids, for good.
    async fn keep_bare_guest_ids(&self) -> Result<(), StoreError>;

    /// Stores that a user's access was taken away, unless a later revocation is stored.
    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError>;

    /// What was revoked at this time or later, by the digest, after `after`; at most `limit`.
    async fn revocations(
        &self,
        since: Timestamp,
        after: Option<UserDigest>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// Whether revocations may come from others than the engine that runs on it, such as a command of an operator's. The engine then
    /// looks for them every few seconds.
    fn may_be_revoked_elsewhere(&self) -> bool {
        true
    }

    /// Removes what was revoked before this time.
    async fn forget_revocations(&self, before: Timestamp) -> Result<(), StoreError>;

    /// The name that a user has chosen, if they have.
    async fn chosen_name(&self, user: &UserId) -> Result<Option<ChosenName>, StoreError>;

    /// Stores the name that a user has chosen; `None`: they have none any more.
    async fn choose_name(&self, user: &UserId, chosen: Option<&ChosenName>) -> Result<(), StoreError>;
}
