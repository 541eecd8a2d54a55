//! The breaker: while the database cannot store, writes are refused at once instead of queueing up.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep},
};

use crate::{
    Error,
    engine::{
        lock::lock,
        metrics::{GaugeGuard, Metrics},
    },
    log::{Excerpt, LogLimit},
    store::{Store, StoreError, StoreErrorKind},
};

/// A circuit breaker for writes.
///
/// It opens when the database as a whole fails: never because of one room's error, and never because the database is busy. It
/// closes once a probe has succeeded.
pub(super) struct Breaker {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    is_open: AtomicBool,
    reason: Mutex<Option<Error>>,
    opened: LogLimit,
}

impl Breaker {
    pub(super) fn new(
        store: &Arc<dyn Store>,
        metrics: &Arc<Metrics>,
        runtime: &Handle,
        stop: &watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            metrics: Arc::clone(metrics),
            runtime: runtime.clone(),
            stop: stop.clone(),
            is_open: AtomicBool::new(false),
            reason: Mutex::new(None),
            opened: LogLimit::new(),
        })
    }

    /// Refuses while the breaker is open, with the error that opened it.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*lock(&self.reason) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Records that a write failed. Opens the breaker if other writes would fail, too.
    pub(super) fn failed(self: &Arc<Self>, failure: &StoreError) {
        match failure.kind {
            StoreErrorKind::Busy | StoreErrorKind::Conflict | StoreErrorKind::Failed => return,
            StoreErrorKind::Unavailable | StoreErrorKind::Full | StoreErrorKind::Unknown => {}
        }
        {
            let mut reason = lock(&self.reason);
            if reason.is_some() {
                return;
            }
            *reason = Some(not_stored(failure.kind));
            self.is_open.store(true, Ordering::Release);
        }
        let told = self.opened.pass(Instant::now().into_std());
        if let Some(left_out) = told {
            let error = Excerpt(failure);
            tracing::warn!(left_out, %error, "the database cannot store: writes are refused until it can");
        }
        self.runtime.spawn(Arc::clone(self).probe(failure.kind, told.is_some(), self.metrics.open_breaker()));
    }

    /// Opens the breaker when the store notices by itself that it cannot store, so that no write has to fail first.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                failure = self.store.next_failure() => self.failed(&failure),
            }
        }
    }

    /// Probes until the database stores, and then closes the breaker. Logs that if the log has said that it opened.
    async fn probe(self: Arc<Self>, after: StoreErrorKind, was_told: bool, open: GaugeGuard) {
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = sleep(PROBE_INTERVAL) => {}
            }
            match self.store.probe(after).await {
                Ok(()) => break,
                Err(error) => tracing::debug!(error = %Excerpt(error), "the database still cannot store"),
            }
        }
        let mut reason = lock(&self.reason);
        *reason = None;
        self.is_open.store(false, Ordering::Release);
        drop(open);
        if was_told {
            tracing::info!("the database stores again");
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// The error that a caller gets when the store failed and nothing was stored.
pub(super) fn not_stored(kind: StoreErrorKind) -> Error {
    match kind {
        StoreErrorKind::Busy => Error::Overloaded,
        StoreErrorKind::Conflict | StoreErrorKind::Unavailable | StoreErrorKind::Unknown => Error::Unavailable,
        StoreErrorKind::Full => Error::StorageFull,
        StoreErrorKind::Failed => Error::Internal,
    }
}

const PROBE_INTERVAL: Duration = Duration::from_millis(500);
