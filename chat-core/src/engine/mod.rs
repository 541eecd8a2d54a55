//! The tokio shell around the pure state: tasks, queues and the database.

mod admission;
mod audience;
mod breaker;
mod builder;
mod chat_engine;
mod hub;
mod inner;
mod journal;
mod load;
mod log_limits;
mod memory;
mod metrics;
mod prepare;
mod rates;
mod reply;
mod room_task;
mod session;
mod session_core;
mod session_queue;
mod session_state;
mod sessions;
mod shutdown;
#[cfg(feature = "torture")]
mod spoilt;
mod writer;

#[cfg(test)]
mod tests;

pub use builder::{Builder, Database};
pub use chat_engine::{ChatEngine, Health};
pub use session::{Session, SessionHandle, Updates};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic elsewhere must not take the engine down: what is kept under these locks is changed in single steps, so
/// it is whole even then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
