//! Whose access was taken away, and when: all of it at hand, so that a credential is judged without a look into the database.

use std::{collections::HashMap, sync::Mutex};

use crate::{
    Timestamp, UserId,
    engine::lock::lock,
    store::{Store, StoreError},
    users::{Revocation, UserDigest},
};

/// The newest revocation of each user there was one of. They are kept for good: how long a token of before is good for is not
/// known here.
#[derive(Debug, Default)]
pub(super) struct Revocations(Mutex<HashMap<UserDigest, Timestamp>>);

impl Revocations {
    /// Those that are stored.
    pub(super) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut all = HashMap::new();
        let mut last = None;
        loop {
            let page = store.users().revocations(last, PAGE).await?;
            all.extend(page.iter().map(|revocation| (revocation.user, revocation.at)));
            if page.len() < PAGE {
                return Ok(Self(Mutex::new(all)));
            }
            last = page.last().map(|last| last.user);
        }
    }

    /// Adds one that counts from now on; it is never before an earlier one of the same user.
    pub(super) fn add(&self, user: &UserId, now: Timestamp) -> Revocation {
        let user = UserDigest::of(user);
        let mut all = lock(&self.0);
        let at = all.entry(user).or_insert(now);
        *at = now.max(*at);
        Revocation { user, at: *at }
    }

    /// When a user's access was taken away last.
    pub(super) fn of(&self, user: &UserId) -> Option<Timestamp> {
        let all = lock(&self.0);
        // Most engines never see one.
        if all.is_empty() { None } else { all.get(&UserDigest::of(user)).copied() }
    }
}

/// How many are read at once.
const PAGE: usize = 10_000;
