//! Removing what deleted rooms have left in the database, in the background.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{engine::services::Services, log::Excerpt};

/// Removes the events of deleted rooms, one purge at a time.
#[derive(Debug)]
pub(super) struct Purger {
    services: Arc<Services>,
    /// How often a purge was asked for since the last one began; 0 while none is going on.
    asked: AtomicUsize,
}

impl Purger {
    pub(super) fn new(services: &Arc<Services>) -> Arc<Self> {
        Arc::new(Self { services: Arc::clone(services), asked: AtomicUsize::new(0) })
    }

    /// Starts a purge in the background. One that is going on takes this request in.
    pub(super) fn start(self: &Arc<Self>) {
        if self.asked.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let purger = Arc::clone(self);
        self.services.runtime.spawn(async move {
            let mut stop = purger.services.lifecycle.stop();
            tokio::select! {
                () = purger.run() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }

    async fn run(&self) {
        loop {
            let asked = self.asked.load(Ordering::Acquire);
            self.purge_all().await;
            self.vacuum(asked).await;
            // Whoever asked meanwhile may have come too late for this one.
            if self.asked.compare_exchange(asked, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }

    async fn purge_all(&self) {
        loop {
            match self.services.store.purge(PURGE_STEP).await {
                Ok(0) => return,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    // The next deletion, or the next start, goes on with it.
                    if let Some(left_out) = self.services.logs.purge_failed.pass(Instant::now().into_std()) {
                        let error = Excerpt(error);
                        tracing::warn!(left_out, %error, "messages of deleted rooms could not be removed yet");
                    }
                    return;
                }
            }
        }
    }

    /// Gives back the space of what was removed, until that is done or another purge is asked for.
    async fn vacuum(&self, asked: usize) {
        let mut due = Instant::now();
        while self.asked.load(Ordering::Acquire) == asked {
            if Instant::now() < due {
                sleep(VACUUM_PAUSE).await;
                continue;
            }
            match self.services.store.vacuum().await {
                Ok(None) => return tracing::debug!("nothing is left of deleted rooms"),
                Ok(Some(wait)) => due = Instant::now() + wait,
                Err(error) => {
                    if let Some(left_out) = self.services.logs.purge_failed.pass(Instant::now().into_std()) {
                        let error = Excerpt(error);
                        tracing::warn!(left_out, %error, "the space of deleted messages could not be freed yet");
                    }
                    return;
                }
            }
        }
    }
}

/// How many rows are removed in one transaction.
const PURGE_STEP: usize = 1_000;
/// How often a vacuum that has to wait looks whether another purge was asked for.
const VACUUM_PAUSE: Duration = Duration::from_millis(500);
