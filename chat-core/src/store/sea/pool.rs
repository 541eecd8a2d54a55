//! A pool that can be replaced.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait,
    sqlx::{self, Connection, pool::PoolOptions},
};
use tokio::time::Instant;

#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePool;

#[cfg(feature = "sqlite")]
use super::few_trips::{FewTrips, Kept};
use super::{
    auto_commit::AutoCommit,
    connect::Source,
    dialect::Dialect,
    error::SqlError,
    gate::{Barred, Gate, Pass},
    run::{Run, STATEMENT_TIMEOUT},
    sealing::Sealing,
    transaction::OpenTransaction,
};

/// How long to wait for a connection that is being opened.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to wait for a connection that is in use. A little longer: where none can be opened any more, those who wait hear of
/// it from those who tried, and do not take the database for busy.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// How long closing a pool may take. Nothing is under way on it by then; and stopping closes up to three pools, one after
/// the other, within its own limit.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that was idle for this long is asked whether it still lives before it is used.
const IDLE_TRUST: Duration = Duration::from_secs(1);

/// Some connections of one kind. When one of them can no longer be trusted (an answer did not come), all are given up for
/// fresh ones: a connection that hangs must not be waited for, and must not be used again.
#[derive(Debug)]
pub(super) struct Pool {
    source: Arc<dyn Source>,
    sealing: Arc<Sealing>,
    share: Share,
    generation: Mutex<Arc<Generation>>,
}

/// How many may use a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// At once: as many connections there are.
    pub(super) connections: u32,
    /// How many others may wait for one of them. Whoever comes then is told at once that it is too much.
    pub(super) queue: usize,
    /// How long a statement may take.
    pub(super) time_out: Duration,
}

impl Share {
    /// One connection, for what the engine does by itself.
    pub(super) const ONE: Self = Self { connections: 1, queue: 64, time_out: STATEMENT_TIMEOUT };
}

/// A pool's connections until they are given up.
#[derive(Debug)]
struct Generation {
    number: u64,
    connections: DatabaseConnection,
    gate: Gate,
    /// SQLite's, which are kept from one use to the next.
    #[cfg(feature = "sqlite")]
    kept: Option<Arc<Kept>>,
    /// Whether the database has answered on one of them. Until then nobody can tell a busy database from one that is gone.
    has_answered: AtomicBool,
}

/// One of a pool's connections, for a while.
#[derive(Debug)]
pub(super) struct Checkout {
    pool: Arc<Pool>,
    generation: Arc<Generation>,
    auto_commit: AutoCommit,
    /// Until the connection is given back.
    _pass: Pass,
}

impl Pool {
    /// Connections that are made when they are needed.
    pub(super) fn new(source: &Arc<dyn Source>, sealing: &Arc<Sealing>, share: Share) -> Arc<Self> {
        Self::of((source, sealing), share, source.connections(share.connections, share.time_out))
    }

    /// The connections of another pool, for other uses: each has its own turn. For a database in memory, of which there is only
    /// one connection.
    pub(super) fn beside(other: &Self, share: Share) -> Arc<Self> {
        Self::of((&other.source, &other.sealing), share, other.generation().connections.clone())
    }

    fn of(
        (source, sealing): (&Arc<dyn Source>, &Arc<Sealing>),
        share: Share,
        connections: DatabaseConnection,
    ) -> Arc<Self> {
        let generation = Mutex::new(Arc::new(Generation::new(0, connections, share, &**source)));
        Arc::new(Self { source: Arc::clone(source), sealing: Arc::clone(sealing), share, generation })
    }

    /// Waits for one of the connections: those that are in use are waited for, for a while.
    pub(super) async fn checkout(self: &Arc<Self>) -> Result<Checkout, SqlError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let generation = self.generation();
            match generation.gate.pass(deadline).await {
                Ok(pass) => {
                    let auto_commit = generation.auto_commit();
                    return Ok(Checkout { pool: Arc::clone(self), generation, auto_commit, _pass: pass });
                }
                // There are fresh ones.
                Err(Barred::Closed) => {}
                Err(Barred::Crowded) if generation.has_answered.load(Ordering::Acquire) => return Err(SqlError::busy()),
                Err(Barred::Crowded) => return Err(SqlError::unanswered()),
            }
        }
    }

    /// Reads on one of the connections, to the end: whoever asked may go away, but the connection is at work until the
    /// database has answered, and nobody else can have it.
    pub(super) async fn read<T, F>(self: &Arc<Self>, work: impl FnOnce(Arc<Checkout>) -> F) -> Result<T, SqlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SqlError>> + Send + 'static,
    {
        let checkout = Arc::new(self.checkout().await?);
        let reading = work(Arc::clone(&checkout));
        let done = tokio::spawn(async move { checkout.check(reading.await) }).await;
        done.unwrap_or_else(|error| Err(SqlError::corrupt(format!("a read was cut short: {error}"))))
    }

    /// Closes them all.
    pub(super) async fn close(&self) {
        let generation = self.generation();
        generation.keep_none();
        close(generation.connections.clone()).await;
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, Arc<Generation>> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the connections of this generation, if nobody has yet.
    fn replace(&self, number: u64) {
        if !self.source.is_replaceable() {
            return;
        }
        let mut generation = self.locked();
        if generation.number == number {
            let fresh = self.source.connections(self.share.connections, self.share.time_out);
            let fresh = Generation::new(number + 1, fresh, self.share, &*self.source);
            let old = mem::replace(&mut *generation, Arc::new(fresh));
            old.gate.close();
            // Those that are in use end their work first; one that hangs is waited for by nobody.
            old.keep_none();
            tokio::spawn(close(old.connections.clone()));
        }
    }
}

impl Generation {
    fn new(number: u64, connections: DatabaseConnection, share: Share, source: &dyn Source) -> Self {
        let gate = Gate::new(usize::try_from(share.connections).unwrap_or(1), share.queue);
        #[cfg(not(feature = "sqlite"))]
        let _servers_keep_none = source;
        Self {
            number,
            connections,
            gate,
            #[cfg(feature = "sqlite")]
            kept: source.keeps_connections().then(Arc::default),
            has_answered: AtomicBool::new(false),
        }
    }

    /// A connection for statements that stand each by itself.
    fn auto_commit(&self) -> AutoCommit {
        #[cfg(feature = "sqlite")]
        if let Some(kept) = &self.kept {
            return AutoCommit::FewTrips(FewTrips::auto_commit(self.connections.get_sqlite_connection_pool(), kept));
        }
        AutoCommit::Pooled(self.connections.clone())
    }

    /// Gives the connections that are kept back to the pool.
    fn release_kept(&self) {
        #[cfg(feature = "sqlite")]
        self.kept.iter().for_each(|kept| kept.release());
    }

    /// The same for good, so that all can be closed.
    fn keep_none(&self) {
        #[cfg(feature = "sqlite")]
        self.kept.iter().for_each(|kept| kept.close());
    }
}

impl Checkout {
    /// The connection. Those that are kept are given back to the pool before.
    pub(super) fn connection(&self) -> &DatabaseConnection {
        // It may be the only one.
        self.auto_commit.let_go();
        self.generation.release_kept();
        &self.generation.connections
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> Result<OpenTransaction<'static>, DbErr> {
        #[cfg(feature = "sqlite")]
        if let Some((pool, kept)) = self.kept() {
            return FewTrips::writing(pool, kept).await.map(OpenTransaction::FewTrips);
        }
        self.begin_pooled().await.map(OpenTransaction::Ours)
    }

    /// Begins a transaction that reads, and sees the database each time as it was at first.
    pub(super) async fn begin_snapshot(&self) -> Result<OpenTransaction<'static>, DbErr> {
        #[cfg(feature = "sqlite")]
        if let Some((pool, kept)) = self.kept() {
            return FewTrips::reading(pool, kept).await.map(OpenTransaction::FewTrips);
        }
        let begun = self.connection().begin_with_options(self.dialect().snapshot()).await;
        begun.map(OpenTransaction::Ours)
    }

    /// The connections of SQLite that are kept, and the pool for more of them.
    #[cfg(feature = "sqlite")]
    fn kept(&self) -> Option<(&SqlitePool, &Arc<Kept>)> {
        let kept = self.generation.kept.as_ref()?;
        // It may be the only one.
        self.auto_commit.let_go();
        Some((self.generation.connections.get_sqlite_connection_pool(), kept))
    }

    /// Begins one of sea-orm's.
    pub(super) async fn begin_pooled(&self) -> Result<DatabaseTransaction, DbErr> {
        self.connection().begin_with_options(self.dialect().writing()).await
    }

    /// Runs statements on it, each by itself.
    pub(super) fn run(&self) -> Run<'_, AutoCommit> {
        Run { on: &self.auto_commit, dialect: self.dialect(), sealing: self.sealing(), time_out: self.time_out() }
    }

    /// What is spoken there.
    pub(super) fn dialect(&self) -> &'static dyn Dialect {
        self.pool.source.dialect()
    }

    /// How texts are stored there.
    pub(super) fn sealing(&self) -> &Arc<Sealing> {
        &self.pool.sealing
    }

    /// How long a statement may take there.
    pub(super) fn time_out(&self) -> Duration {
        self.pool.share.time_out
    }

    /// Passes a result on, and gives the pool's connections up if it says so.
    pub(super) fn check<T>(&self, result: Result<T, SqlError>) -> Result<T, SqlError> {
        match result {
            Err(fault) if fault.is_lost => {
                self.pool.replace(self.generation.number);
                Err(fault.at(&*self.pool.source))
            }
            Ok(_) | Err(_) => {
                self.generation.has_answered.store(true, Ordering::Release);
                result
            }
        }
    }
}

/// What all pools have in common.
pub(super) fn options<DB: sqlx::Database>(size: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(size)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection: &mut DB::Connection, meta| {
            Box::pin(async move {
                if meta.idle_for >= IDLE_TRUST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// A connection that hangs is not waited for: it ends with the process, or when the system gives it up.
async fn close(connections: DatabaseConnection) {
    match tokio::time::timeout(CLOSE_TIMEOUT, connections.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "could not close the database connections"),
        Err(_) => tracing::debug!("the database connections did not close in time"),
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use sea_orm::SqlxError;
    use tokio::{
        sync::Notify,
        task::{JoinHandle, yield_now},
    };

    use super::*;
    use crate::{StartError, store::StoreErrorKind};

    const SHARE: Share = Share { connections: 2, queue: 3, ..Share::ONE };

    /// Connections that are never opened: nothing is asked of them.
    #[derive(Debug)]
    struct Nowhere;

    #[async_trait]
    impl Source for Nowhere {
        fn dialect(&self) -> &'static dyn Dialect {
            unreachable!()
        }

        fn name(&self) -> String {
            "nowhere".to_owned()
        }

        fn connections(&self, _size: u32, _time_out: Duration) -> DatabaseConnection {
            DatabaseConnection::default()
        }

        async fn visit(&self) -> Result<(), SqlxError> {
            unreachable!()
        }

        async fn check(&self, _run: &Run<'_, AutoCommit>) -> Result<(), StartError> {
            unreachable!()
        }
    }

    fn pool() -> Arc<Pool> {
        let source: Arc<dyn Source> = Arc::new(Nowhere);
        Pool::new(&source, &Arc::default(), SHARE)
    }

    /// All of a pool's connections, on which the database has answered.
    async fn all(pool: &Arc<Pool>) -> [Checkout; 2] {
        let checkout = [pool.checkout().await.unwrap(), pool.checkout().await.unwrap()];
        checkout[0].check(Ok(())).unwrap();
        checkout
    }

    fn spawn_lend(pool: &Arc<Pool>) -> JoinHandle<Result<Checkout, StoreErrorKind>> {
        let pool = Arc::clone(pool);
        tokio::spawn(async move { pool.checkout().await.map_err(|fault| fault.error.kind) })
    }

    async fn settle() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_stay_in_use_are_busy_and_not_gone() {
        let pool = pool();
        let in_use = all(&pool).await;
        let began = Instant::now();
        let fault = pool.checkout().await.unwrap_err();
        assert_eq!((fault.error.kind, fault.is_lost, began.elapsed()), (StoreErrorKind::Busy, false, PATIENCE));
        drop(in_use);
        assert_eq!(pool.checkout().await.unwrap().generation.number, 0, "they were not given up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_busy_at_once() {
        let pool = pool();
        let in_use = all(&pool).await;
        let waiting: Vec<_> = (0..3).map(|_| spawn_lend(&pool)).collect();
        settle().await;
        let began = Instant::now();
        assert_eq!(pool.checkout().await.unwrap_err().error.kind, StoreErrorKind::Busy);
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(in_use);
        for checkout in waiting {
            drop(checkout.await.unwrap().unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_never_answered_is_not_called_busy() {
        let pool = pool();
        let _opening = [pool.checkout().await.unwrap(), pool.checkout().await.unwrap()];
        assert_eq!(pool.checkout().await.unwrap_err().error.kind, StoreErrorKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_connections_that_are_given_up_gets_fresh_ones() {
        let pool = pool();
        let hung = all(&pool).await;
        let waiting = spawn_lend(&pool);
        settle().await;
        hung[1].check::<()>(Err(SqlError::timed_out("a query"))).unwrap_err();
        hung[0].check::<()>(Err(SqlError::timed_out("a query"))).unwrap_err();
        assert_eq!(waiting.await.unwrap().unwrap().generation.number, 1, "given up once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_went_away_is_not_called_busy() {
        let pool = pool();
        let opening = all(&pool).await;
        let waiting: Vec<_> = (0..3).map(|_| spawn_lend(&pool)).collect();
        tokio::time::sleep(ACQUIRE_TIMEOUT).await;
        opening[0].check::<()>(Err(SqlError::timed_out("opening a connection"))).unwrap_err();
        let mut tried_next = Vec::new();
        let mut told = Vec::new();
        for checkout in waiting {
            match checkout.await.unwrap() {
                Ok(checkout) => tried_next.push(checkout),
                Err(kind) => told.push(kind),
            }
        }
        assert_eq!((tried_next.len(), told), (2, vec![StoreErrorKind::Unavailable]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_nobody_waits_for_any_more_keeps_its_connection() {
        let pool = pool();
        let answered = Arc::new(Notify::new());
        let reads: Vec<_> = (0..2)
            .map(|_| {
                let (pool, answered) = (Arc::clone(&pool), Arc::clone(&answered));
                tokio::spawn(async move {
                    let read = pool.read(|_| async move {
                        answered.notified().await;
                        Ok(())
                    });
                    read.await.unwrap();
                })
            })
            .collect();
        settle().await;
        reads.iter().for_each(JoinHandle::abort);
        settle().await;
        let waiting = spawn_lend(&pool);
        settle().await;
        assert!(!waiting.is_finished());
        answered.notify_waiters();
        waiting.await.unwrap().unwrap();
    }
}
