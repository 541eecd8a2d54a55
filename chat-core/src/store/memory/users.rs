//! What is kept of users beside what they do in rooms, in memory.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    Timestamp, UserId,
    store::{StoreError, Users},
    users::{ChosenName, Revocation, UserDigest},
};

/// All that is kept.
#[derive(Debug)]
pub(super) struct KnownUsers {
    has_bare_guest_ids: bool,
    revoked: BTreeMap<UserDigest, Timestamp>,
    names: BTreeMap<UserId, ChosenName>,
}

impl KnownUsers {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self { has_bare_guest_ids: false, revoked: BTreeMap::new(), names: BTreeMap::new() }
    }
}

impl MemoryStore {
    fn known(&self) -> MutexGuard<'_, KnownUsers> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Users for MemoryStore {
    async fn has_bare_guest_ids(&self) -> Result<bool, StoreError> {
        Ok(self.known().has_bare_guest_ids)
    }

    async fn keep_bare_guest_ids(&self) -> Result<(), StoreError> {
        self.known().has_bare_guest_ids = true;
        Ok(())
    }

    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        let mut known = self.known();
        let at = known.revoked.entry(revocation.user).or_insert(revocation.at);
        *at = revocation.at.max(*at);
        Ok(())
    }

    async fn revocations(
        &self,
        since: Timestamp,
        after: Option<UserDigest>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let known = self.known();
        let rows = known.revoked.range((from, Bound::Unbounded)).filter(|(_, at)| **at >= since).take(limit);
        Ok(rows.map(|(&user, &at)| Revocation { user, at }).collect())
    }

    fn may_be_revoked_elsewhere(&self) -> bool {
        self.is_shared
    }

    async fn forget_revocations(&self, before: Timestamp) -> Result<(), StoreError> {
        self.known().revoked.retain(|_, at| *at >= before);
        Ok(())
    }

    async fn chosen_name(&self, user: &UserId) -> Result<Option<ChosenName>, StoreError> {
        Ok(self.known().names.get(user).cloned())
    }

    async fn choose_name(&self, user: &UserId, chosen: Option<&ChosenName>) -> Result<(), StoreError> {
        let names = &mut self.known().names;
        match chosen {
            Some(chosen) => drop(names.insert(user.clone(), chosen.clone())),
            None => drop(names.remove(user)),
        }
        Ok(())
    }
}
