//! Whose access was taken away, and when: all of it at hand, so that a credential is judged without a look into the database.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
    time::Duration,
};

use crate::{
    Timestamp, UserId,
    engine::lock::lock,
    store::{Store, StoreError},
    users::{Revocation, UserDigest},
};

/// The newest revocation of each user there was one of, as long as credentials of before it may be good for.
#[derive(Debug)]
pub(super) struct Revocations {
    credential_life: Duration,
    newest: Mutex<Newest>,
}

#[derive(Debug, Default)]
struct Newest {
    of_user: HashMap<UserDigest, Timestamp>,
    /// With so many, those that no credential can be older than are forgotten.
    forget_at: usize,
}

/// A revocation that was added.
pub(super) struct Added {
    pub(super) revocation: Revocation,
    /// Those of before this time were forgotten.
    pub(super) forgotten: Option<Timestamp>,
}

impl Revocations {
    /// Those that are stored. The others are removed.
    pub(super) async fn load(store: &dyn Store, credential_life: Duration, now: Timestamp) -> Result<Self, StoreError> {
        // If that fails, it is done later: they do no harm.
        drop(store.users().forget_revocations(before(now, credential_life)).await);
        let all = Self { credential_life, newest: Mutex::default() };
        all.look(store, Timestamp(i64::MIN), now).await?;
        Ok(all)
    }

    /// Reads what was stored since this time. Returns whose access was taken away there and was not here.
    pub(super) async fn look(
        &self,
        store: &dyn Store,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<HashSet<UserDigest>, StoreError> {
        let (mut new, mut last) = (HashSet::new(), None);
        loop {
            let page = store.users().revocations(since, last, PAGE).await?;
            let mut newest = lock(&self.newest);
            for Revocation { user, at } in &page {
                if newest.of_user.get(user).is_none_or(|known| known < at) {
                    newest.of_user.insert(*user, *at);
                    new.insert(*user);
                }
            }
            newest.forget(before(now, self.credential_life));
            if page.len() < PAGE {
                return Ok(new);
            }
            last = page.last().map(|last| last.user);
        }
    }

    /// Adds one that counts from now on; it is never before an earlier one of the same user.
    pub(super) fn add(&self, user: &UserId, now: Timestamp) -> Added {
        let user = UserDigest::of(user);
        let mut newest = lock(&self.newest);
        let at = newest.of_user.entry(user).or_insert(now);
        *at = now.max(*at);
        let revocation = Revocation { user, at: *at };
        let oldest = before(now, self.credential_life);
        Added { revocation, forgotten: newest.forget(oldest).then_some(oldest) }
    }

    /// When a user's access was taken away last.
    pub(super) fn of(&self, user: &UserId) -> Option<Timestamp> {
        let newest = lock(&self.newest);
        // Most engines never see one.
        if newest.of_user.is_empty() { None } else { newest.of_user.get(&UserDigest::of(user)).copied() }
    }
}

impl Newest {
    /// If there are many, forgets those of before this time, and says so.
    fn forget(&mut self, before: Timestamp) -> bool {
        if self.of_user.len() < self.forget_at.max(LEAST) {
            return false;
        }
        self.of_user.retain(|_, at| *at >= before);
        // At least half of what is looked through the next time was added since.
        self.forget_at = self.of_user.len() * 2;
        true
    }
}

/// Nothing that was issued before this time is good any more.
pub(super) fn before(now: Timestamp, credential_life: Duration) -> Timestamp {
    let life = i64::try_from(credential_life.as_micros()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(life))
}

/// How many are kept at least before the old ones are forgotten.
const LEAST: usize = 1_024;

/// How many are read at once.
const PAGE: usize = 10_000;
