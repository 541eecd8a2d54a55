//! Who may not act: those who are being erased, and whoever takes a reserved id.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::{Error, UserId, engine::lock::lock};

/// The users who are being erased. It is asked for every command, and nearly always nobody is.
#[derive(Debug, Default)]
pub(super) struct LockedOut {
    users: Mutex<HashSet<UserId>>,
    count: AtomicUsize,
    /// Held by writes of users that do not pass a room's task.
    writes: RwLock<()>,
}

impl LockedOut {
    /// Those who were being erased when the process ended.
    pub(super) fn new(users: impl IntoIterator<Item = UserId>) -> Self {
        let locked_out = Self::default();
        users.into_iter().for_each(|user| locked_out.add(user));
        locked_out
    }

    /// Refuses as [`Error::Forbidden`] whoever may not act.
    pub(super) fn check(&self, user: &UserId) -> Result<(), Error> {
        let is_erased = || self.count.load(Ordering::Acquire) > 0 && lock(&self.users).contains(user);
        if user.is_reserved() || is_erased() { Err(Error::Forbidden) } else { Ok(()) }
    }

    /// From now on, this user may not act.
    pub(super) fn add(&self, user: UserId) {
        let mut users = lock(&self.users);
        users.insert(user);
        self.count.store(users.len(), Ordering::Release);
    }

    /// The user is erased: the id is nobody's.
    pub(super) fn remove(&self, user: &UserId) {
        let mut users = lock(&self.users);
        users.remove(user);
        self.count.store(users.len(), Ordering::Release);
    }

    /// For a write that does not pass a room's task: taken before the user is checked, and held until it is stored.
    pub(super) async fn write(&self) -> RwLockReadGuard<'_, ()> {
        self.writes.read().await
    }

    /// Waits for such writes that began before.
    pub(super) async fn settled(&self) {
        drop(self.writes.write().await);
    }
}
