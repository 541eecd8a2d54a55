//! One engine per database: a lock beside a file, a lease on a server.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Opening,
    connect::Source,
    lease::Lease,
    lock_file::{self, LockFile},
};
use crate::{
    StartError,
    store::{StoreError, StoreErrorKind},
};

/// What keeps a second engine away from the database.
#[derive(Debug)]
pub(super) enum OwnershipLock {
    /// Nothing: nobody else can reach it, or a test wants company.
    Nothing,
    /// The lock beside a file.
    File(Mutex<Option<LockFile>>),
    /// The lease on a server.
    Lease(Lease),
}

impl OwnershipLock {
    /// Takes what there is for this kind of database.
    pub(super) async fn take(source: &Arc<dyn Source>, opening: Opening) -> Result<Self, StartError> {
        match opening {
            Opening::Alone | Opening::Existing => {}
            #[cfg(any(test, feature = "test-util"))]
            Opening::Shared => return source.look_at_content().map(|()| Self::Nothing),
        }
        if source.is_server() {
            return Lease::take(source).await.map(Self::Lease);
        }
        let Some(file) = source.file() else { return Ok(Self::Nothing) };
        // Where another engine of this process may be at work, looking at the file would end its locks: only whoever has
        // the lock looks. Where there has been none, what is no database does not get a lock file beside it.
        let was_locked = lock_file::exists(file);
        if !was_locked {
            source.look_at_content()?;
        }
        let lock = LockFile::take(file)?;
        if was_locked {
            source.look_at_content()?;
        }
        Ok(Self::File(Mutex::new(Some(lock))))
    }

    /// Gives it up.
    pub(super) async fn release(&self) {
        match self {
            Self::Nothing => {}
            Self::File(lock) => drop(locked(lock).take()),
            Self::Lease(lease) => lease.release().await,
        }
    }

    /// Resolves each time the database could not be asked for the lease.
    pub(super) async fn next_failure(&self) -> StoreError {
        match self {
            Self::Nothing | Self::File(_) => std::future::pending().await,
            Self::Lease(lease) => lease.next_failure().await,
        }
    }

    /// Resolves when the lease is in other hands for good.
    pub(super) async fn lost(&self) {
        match self {
            Self::Nothing | Self::File(_) => std::future::pending().await,
            Self::Lease(lease) => lease.lost().await,
        }
    }

    /// Whether there is room for a usual batch beside a file that was full. A transaction without content cannot tell:
    /// it fits into what the write-ahead log has already. (A server has a disk of its own.)
    pub(super) async fn find_room(&self) -> Result<(), StoreError> {
        let Self::File(lock) = self else { return Ok(()) };
        let Some(room) = locked(lock).as_ref().map(LockFile::room) else { return Ok(()) };
        let found = tokio::task::spawn_blocking(move || room?.find()).await;
        let found = found.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        found.map_err(|error| StoreError::new(StoreErrorKind::Full, format!("there is no room yet: {error}")))
    }
}

fn locked(lock: &Mutex<Option<LockFile>>) -> MutexGuard<'_, Option<LockFile>> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
