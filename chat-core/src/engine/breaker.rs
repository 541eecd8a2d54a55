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

/// Opens when the database as a whole fails, never for the error of a single room or because many ask at once; closes when a probe has succeeded.
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

    /// Whether writes may be tried: if not, the error that they get.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*lock(&self.reason) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Takes note of a failed write; opens if it says that others would fail too.
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

    /// Takes note of what the store notices by itself, so that nobody has to fail for it first.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                failure = self.store.next_failure() => self.failed(&failure),
            }
        }
    }

    /// Looks until the database stores; says so in the log if it was told that it does not.
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

/// What a failure is called when nothing was stored, or nothing was to be.
pub(super) fn not_stored(kind: StoreErrorKind) -> Error {
    match kind {
        StoreErrorKind::Busy => Error::Overloaded,
        StoreErrorKind::Conflict | StoreErrorKind::Unavailable | StoreErrorKind::Unknown => Error::Unavailable,
        StoreErrorKind::Full => Error::StorageFull,
        StoreErrorKind::Failed => Error::Internal,
    }
}

const PROBE_INTERVAL: Duration = Duration::from_millis(500);
