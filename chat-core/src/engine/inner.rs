//! What all clones of an engine, its sessions and its tasks share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Semaphore,
    time::{Instant, sleep},
};

use crate::{
    Clock, Epoch, Error, Limits, Policy, Room,
    engine::{
        admission::Admission, breaker::Breaker, breaker::not_stored, hub::Hub, journal::Journal, log_limits::LogLimits,
        memory::Memory, metrics::Metrics, rates::Rates, sessions::Sessions, shutdown::Lifecycle,
    },
    log::Excerpt,
    store::{Store, StoreError, StoreErrorKind},
};

/// The engine behind its handles.
pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) limits: Arc<Limits>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) epoch: Epoch,
    /// So that tasks can be started from wherever a session is used.
    pub(super) runtime: Handle,
    pub(super) hub: Hub,
    pub(super) memory: Arc<Memory>,
    /// Loads of rooms' events that may be under way at once.
    pub(super) loads: Semaphore,
    pub(super) journal: Journal,
    pub(super) breaker: Arc<Breaker>,
    pub(super) sessions: Sessions,
    pub(super) rates: Rates,
    pub(super) admission: Arc<Admission>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) lifecycle: Lifecycle,
    pub(super) logs: LogLimits,
    /// How often a purge was asked for since the last one began; 0 while none is going on.
    pub(super) purges: AtomicUsize,
}

impl Inner {
    /// Refuses while the engine stops.
    pub(super) fn check_running(&self) -> Result<(), Error> {
        if self.lifecycle.is_draining() { Err(Error::Unavailable) } else { Ok(()) }
    }

    /// The same room with the number of users who are online in it.
    pub(super) fn with_online(&self, mut room: Room) -> Room {
        room.online = self.hub.online(room.id);
        room
    }

    /// What a failed read is answered. The driver's text goes to the log only.
    pub(super) fn read_failed(&self, failure: &StoreError) -> Error {
        if failure.kind != StoreErrorKind::Busy
            && let Some(left_out) = self.logs.read_failed.pass(Instant::now().into_std())
        {
            tracing::error!(left_out, error = %Excerpt(failure), "the database could not be read");
        }
        not_stored(failure.kind)
    }

    /// Removes the events of deleted rooms in the background, unless that is going on.
    pub(super) fn purge(self: &Arc<Self>) {
        if self.purges.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let inner = Arc::clone(self);
        self.runtime.spawn(async move {
            let mut stop = inner.lifecycle.stop();
            tokio::select! {
                () = inner.purge_asked() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }

    async fn purge_asked(&self) {
        loop {
            let asked = self.purges.load(Ordering::Acquire);
            self.purge_all().await;
            self.vacuum(asked).await;
            // Whoever asked meanwhile may have come too late for this one.
            if self.purges.compare_exchange(asked, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }

    async fn purge_all(&self) {
        loop {
            match self.store.purge(PURGE_STEP).await {
                Ok(0) => return,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    // The next deletion, or the next start, goes on with it.
                    if let Some(left_out) = self.logs.purge_failed.pass(Instant::now().into_std()) {
                        let error = Excerpt(error);
                        tracing::warn!(left_out, %error, "messages of deleted rooms could not be removed yet");
                    }
                    return;
                }
            }
        }
    }

    /// Gives back the room of what was removed, until that is done or another purge is asked for.
    async fn vacuum(&self, asked: usize) {
        let mut due = Instant::now();
        while self.purges.load(Ordering::Acquire) == asked {
            if Instant::now() < due {
                sleep(VACUUM_PAUSE).await;
                continue;
            }
            match self.store.vacuum().await {
                Ok(None) => return tracing::debug!("nothing is left of deleted rooms"),
                Ok(Some(wait)) => due = Instant::now() + wait,
                Err(error) => {
                    if let Some(left_out) = self.logs.purge_failed.pass(Instant::now().into_std()) {
                        let error = Excerpt(error);
                        tracing::warn!(left_out, %error, "the space of deleted messages could not be freed yet");
                    }
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

const PURGE_STEP: usize = 1_000;
/// How often a vacuum that has to wait looks whether another purge was asked for.
const VACUUM_PAUSE: Duration = Duration::from_millis(500);
