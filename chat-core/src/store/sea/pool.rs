//! A pool that can be replaced.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{
    DatabaseConnection,
    sqlx::{self, Connection, pool::PoolOptions},
};

use super::{connect::Source, dialect::Dialect, error::Fault, run::Run};

/// How long to wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long closing a pool may take. Nothing is under way on it by then; and stopping closes up to three pools, one after
/// the other, within its own limit.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that was idle for this long is asked whether it still lives before it is used.
const IDLE_TRUST: Duration = Duration::from_secs(1);

/// Some connections of one kind. When one of them can no longer be trusted (an answer did not come), all are given up for
/// fresh ones: a connection that hangs must not be waited for, and must not be used again.
#[derive(Debug)]
pub(super) struct Pool {
    source: Arc<Source>,
    dialect: Dialect,
    size: u32,
    generation: Mutex<Generation>,
}

#[derive(Debug)]
struct Generation {
    number: u64,
    connections: DatabaseConnection,
}

/// A pool's connections as they were at one moment.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    pool: &'a Pool,
    number: u64,
    /// The connections.
    pub(super) connection: DatabaseConnection,
}

impl Pool {
    /// Up to `size` connections, made when they are needed.
    pub(super) fn new(source: &Arc<Source>, size: u32) -> Self {
        let generation = Generation { number: 0, connections: source.connections(size) };
        Self { source: source.clone(), dialect: source.dialect(), size, generation: Mutex::new(generation) }
    }

    /// The connections as they are now.
    pub(super) fn lend(&self) -> Lent<'_> {
        let generation = self.generation();
        Lent { pool: self, number: generation.number, connection: generation.connections.clone() }
    }

    /// Closes them all.
    pub(super) async fn close(&self) {
        let connections = self.generation().connections.clone();
        close(connections).await;
    }

    fn generation(&self) -> MutexGuard<'_, Generation> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the connections of this generation, if nobody has yet.
    fn replace(&self, number: u64) {
        let mut generation = self.generation();
        if generation.number == number && self.source.is_replaceable() {
            generation.number += 1;
            let old = mem::replace(&mut generation.connections, self.source.connections(self.size));
            // Those that are in use end their work first; one that hangs is waited for by nobody.
            tokio::spawn(close(old));
        }
    }
}

impl Lent<'_> {
    /// Runs statements on them.
    pub(super) const fn run(&self) -> Run<'_, DatabaseConnection> {
        Run { on: &self.connection, dialect: self.pool.dialect }
    }

    /// What is spoken there.
    pub(super) const fn dialect(&self) -> Dialect {
        self.pool.dialect
    }

    /// Passes a result on, and gives the connections up if it says so.
    pub(super) fn check<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        if result.as_ref().is_err_and(|fault| fault.is_lost) {
            self.pool.replace(self.number);
        }
        result
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
