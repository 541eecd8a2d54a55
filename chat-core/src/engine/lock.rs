//! Locking without a word about panics elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic elsewhere must not take the engine down: what is kept under these locks is changed in single steps, so
/// it is whole even then.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
