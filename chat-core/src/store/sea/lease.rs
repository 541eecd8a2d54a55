//! The lease on a PostgreSQL or MySQL database: one engine a database, until several can share one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    connect::{Source, reach},
    error::SqlError,
    pool::{Pool, Share},
    run::STATEMENT_TIMEOUT,
};
use crate::{
    StartError,
    log::{Excerpt, LogLimit},
    store::StoreError,
};

/// How long a second engine waits for the first to be gone.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How often that is tried.
const START_INTERVAL: Duration = Duration::from_millis(250);
/// How often a held lease is looked after.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a lease may be in other hands before this engine gives up. The server ends a lease connection that is silent
/// for 8 s, so that the other hand is not this engine's own lost connection.
const RETAKE_PATIENCE: Duration = Duration::from_secs(15);

/// A lock that belongs to a connection of its own. Taking it again on the connection that holds it succeeds, so that one
/// statement both looks after it and takes it back.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<Pool>,
    lost: watch::Receiver<bool>,
    next_failure: Arc<Disturbed>,
    keeper: JoinHandle<()>,
}

impl Lease {
    /// Takes the lease, waiting for a while if another engine holds it.
    pub(super) async fn take(source: &Arc<dyn Source>) -> Result<Self, StartError> {
        reach(&**source).await.map_err(SqlError::from)?;
        let pool = Pool::new(source, &Arc::default(), Share::ONE);
        let deadline = Instant::now() + START_PATIENCE;
        let mut said = false;
        while !try_take(&pool).await? {
            if Instant::now() >= deadline {
                return Err(StartError::InUse(format!(
                    "the database {} is in use by another chat engine: stop that one, or choose another database",
                    source.name()
                )));
            }
            if !said {
                tracing::info!("another chat engine holds the database; waiting for it to stop");
                said = true;
            }
            sleep(START_INTERVAL).await;
        }
        let (tell, lost) = watch::channel(false);
        let next_failure = Arc::new(Disturbed::default());
        let keeper = tokio::spawn(keep(source.clone(), pool.clone(), tell, next_failure.clone()));
        Ok(Self { pool, lost, next_failure, keeper })
    }

    /// Resolves when the lease is in other hands for good.
    pub(super) async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            // It was let go of on purpose.
            std::future::pending().await
        }
    }

    /// Resolves when the database could not be asked for the lease, twice.
    pub(super) async fn next_failure(&self) -> StoreError {
        loop {
            let noticed = self.next_failure.noticed.notified();
            if let Some(error) = self.next_failure.take() {
                return error;
            }
            noticed.await;
        }
    }

    /// Lets go of it.
    pub(super) async fn release(&self) {
        self.keeper.abort();
        self.pool.close().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Why the lease could not be looked after, until somebody takes note.
#[derive(Debug, Default)]
struct Disturbed {
    error: Mutex<Option<StoreError>>,
    noticed: Notify,
}

impl Disturbed {
    fn notice(&self, error: StoreError) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.noticed.notify_one();
    }

    fn take(&self) -> Option<StoreError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn keep(source: Arc<dyn Source>, pool: Arc<Pool>, tell: watch::Sender<bool>, next_failure: Arc<Disturbed>) {
    let mut in_other_hands: Option<Instant> = None;
    let (lost, unasked, mut was_told) = (LogLimit::new(), LogLimit::new(), false);
    loop {
        sleep(CHECK_INTERVAL).await;
        let mut taken = try_take(&pool).await;
        if taken.is_err() {
            // A connection may end without meaning more than itself; the next is a fresh one. It is tried for only where
            // there is somebody to connect to: else there is a reason to tell.
            taken = match reach(&*source).await {
                Ok(()) => try_take(&pool).await,
                Err(error) => Err(error.into()),
            };
        }
        match taken {
            Ok(true) => {
                if in_other_hands.take().is_some() && was_told {
                    tracing::info!("took the lease on the database again");
                }
            }
            Ok(false) => {
                let since = *in_other_hands.get_or_insert_with(|| {
                    let now = Instant::now();
                    let told = lost.pass(now.into_std());
                    was_told = told.is_some();
                    if let Some(left_out) = told {
                        tracing::warn!(left_out, "lost the lease on the database; trying to take it again");
                    }
                    now
                });
                if since.elapsed() >= RETAKE_PATIENCE {
                    tracing::error!("another chat engine has taken the database");
                    // Nobody may be listening any more.
                    let _ = tell.send(true);
                    return;
                }
            }
            Err(fault) => {
                if let Some(left_out) = unasked.pass(Instant::now().into_std()) {
                    let error = Excerpt(&fault.error);
                    tracing::warn!(left_out, %error, "could not look after the lease on the database");
                }
                next_failure.notice(fault.error);
            }
        }
    }
}

async fn try_take(pool: &Arc<Pool>) -> Result<bool, SqlError> {
    let checkout = pool.checkout().await?;
    let taken = timeout(STATEMENT_TIMEOUT, checkout.dialect().try_lease(&checkout.run())).await;
    checkout.check(taken.unwrap_or_else(|_| Err(SqlError::timed_out("the lease"))))
}
