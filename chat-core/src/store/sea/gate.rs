//! A gate before some connections: so many are let through at once, so many may wait, and only for so long.
//!
//! Whoever is let through finds a connection free, or may open one. So the pool behind the gate makes nobody wait for a
//! connection that is in use, and if it gives none in time, then because none can be opened: the database is gone. To have
//! waited here in vain says only that others are at work.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// A gate.
#[derive(Debug)]
pub(super) struct Gate {
    passes: Arc<Semaphore>,
    /// Places for those who wait.
    queue: Semaphore,
}

/// Lets one through; given back when dropped.
pub(super) type Pass = OwnedSemaphorePermit;

/// Why somebody was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Barred {
    /// As many wait as may, or nobody came out in time.
    Crowded,
    /// The gate was closed: what is behind it was given up.
    Closed,
}

impl Gate {
    /// Lets `passes` through at once; `queue` others may wait.
    pub(super) fn new(passes: usize, queue: usize) -> Self {
        Self { passes: Arc::new(Semaphore::new(passes)), queue: Semaphore::new(queue) }
    }

    /// Waits to be let through, first come, first served.
    pub(super) async fn pass(&self, deadline: Instant) -> Result<Pass, Barred> {
        if let Ok(pass) = Arc::clone(&self.passes).try_acquire_owned() {
            return Ok(pass);
        }
        let _place = self.queue.try_acquire().map_err(|_full| Barred::Crowded)?;
        match timeout_at(deadline, Arc::clone(&self.passes).acquire_owned()).await {
            Ok(Ok(pass)) => Ok(pass),
            Ok(Err(_closed)) => Err(Barred::Closed),
            Err(_late) => Err(Barred::Crowded),
        }
    }

    /// Sends away those who wait. Who is through stays.
    pub(super) fn close(&self) {
        self.passes.close();
    }
}
