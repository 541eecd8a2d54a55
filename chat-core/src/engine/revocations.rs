//! Whose access was taken away, and when: all of it at hand, so that a credential is judged without a look into the database.

use std::{collections::HashMap, sync::Mutex, time::Duration};

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
        let mut of_user = HashMap::new();
        let mut last = None;
        loop {
            let page = store.users().revocations(last, PAGE).await?;
            of_user.extend(page.iter().map(|revocation| (revocation.user, revocation.at)));
            if page.len() < PAGE {
                let newest = Newest { forget_at: forget_at(of_user.len()), of_user };
                return Ok(Self { credential_life, newest: Mutex::new(newest) });
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
        if newest.of_user.len() < newest.forget_at {
            return Added { revocation, forgotten: None };
        }
        let oldest = before(now, self.credential_life);
        newest.of_user.retain(|_, at| *at >= oldest);
        newest.forget_at = forget_at(newest.of_user.len());
        Added { revocation, forgotten: Some(oldest) }
    }

    /// When a user's access was taken away last.
    pub(super) fn of(&self, user: &UserId) -> Option<Timestamp> {
        let newest = lock(&self.newest);
        // Most engines never see one.
        if newest.of_user.is_empty() { None } else { newest.of_user.get(&UserDigest::of(user)).copied() }
    }
}

/// Nothing that was issued before this time is good any more.
fn before(now: Timestamp, credential_life: Duration) -> Timestamp {
    let life = i64::try_from(credential_life.as_micros()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(life))
}

/// At least half of what is looked through then was added since.
fn forget_at(len: usize) -> usize {
    (len * 2).max(1_024)
}

/// How many are read at once.
const PAGE: usize = 10_000;
