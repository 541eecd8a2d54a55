//! What becomes of the room that purges have freed. On SQLite: pages that are free leave the file, and the write-ahead log,
//! in which their content may still stand, is emptied. (A database server does so by itself, in its own time.)

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sea_orm::ConnectionTrait as _;
use tokio::time::Instant;

use super::{
    connect::Source,
    error::SqlError,
    pool::{Pool, Share},
    rows::unsigned,
    run::STATEMENT_TIMEOUT,
};

/// How many pages leave the file at once: some 2 MiB, for which sends wait for some milliseconds.
const STEP: u32 = 500;
/// Up to this many bytes of content, a database is written anew as a whole. It takes some tenths of a second, for which
/// sends wait, and nothing is left anywhere: SQLite does not write over what it copied when it divided a page.
const SMALL: u64 = 16 << 20;
/// A database is written anew at most this often.
const INTERVAL: Duration = Duration::from_secs(60);
/// How soon the log is tried to be emptied again, where a reader was in the way.
const RETRY: Duration = Duration::from_secs(1);

/// What there is to give back.
#[derive(Debug, Default)]
pub(super) struct Vacuum(Mutex<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Something was removed since the last time.
    is_wanted: bool,
    /// Pages have left the file, or it was written anew, and the log still has them.
    is_logged: bool,
    /// When the file was written anew.
    rewritten: Option<Instant>,
}

impl Vacuum {
    /// Something was removed.
    pub(super) fn wanted(&self) {
        self.change(|state| state.is_wanted = true);
    }

    /// Does a part of it; returns how long to wait before the next, and `None` when all is done.
    pub(super) async fn step(
        &self,
        source: &Arc<dyn Source>,
        writers: &Arc<Pool>,
    ) -> Result<Option<Duration>, SqlError> {
        if source.file().is_none() {
            return Ok(None);
        }
        let state = self.change(|_| {});
        // The pages of a file that others use, too, are their business.
        let size = if source.is_shared() { None } else { Some(Size::of(writers).await?) };
        let is_small = state.is_wanted && size.as_ref().is_some_and(|size| size.content() <= SMALL);
        let rested = state.rewritten.map_or(INTERVAL, |rewritten| rewritten.elapsed());
        if is_small && rested >= INTERVAL {
            rewrite(writers).await?;
            self.change(|state| *state = State { is_wanted: false, is_logged: true, rewritten: Some(Instant::now()) });
            return Ok(Some(Duration::ZERO));
        }
        if size.is_some_and(|size| size.is_shrinking && size.free > 0) {
            execute(writers, &format!("PRAGMA incremental_vacuum({STEP})")).await?;
            self.change(|state| state.is_logged = true);
            return Ok(Some(Duration::ZERO));
        }
        if (state.is_wanted || state.is_logged) && !empty_log(source).await? {
            return Ok(Some(RETRY));
        }
        self.change(|state| {
            state.is_logged = false;
            state.is_wanted &= is_small;
        });
        Ok(is_small.then(|| INTERVAL.saturating_sub(rested)))
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> State {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        *state
    }
}

/// What a file holds, in pages.
#[derive(Debug)]
struct Size {
    pages: u64,
    free: u64,
    /// Bytes of a page.
    page: u64,
    /// Whether free pages may leave it.
    is_shrinking: bool,
}

impl Size {
    async fn of(pool: &Arc<Pool>) -> Result<Self, SqlError> {
        let checkout = pool.checkout().await?;
        let sql = "SELECT page_count, freelist_count, page_size, auto_vacuum FROM pragma_page_count, \
             pragma_freelist_count, pragma_page_size, pragma_auto_vacuum";
        let row = checkout.check(checkout.run().query_one(sql, Vec::new()).await)?;
        let row = row.ok_or_else(|| SqlError::corrupt("a database without a size"))?;
        let number = |index| unsigned(&row, index);
        Ok(Self { pages: number(0)?, free: number(1)?, page: number(2)?, is_shrinking: number(3)? == 2 })
    }

    /// In bytes, without what is free.
    const fn content(&self) -> u64 {
        self.pages.saturating_sub(self.free) * self.page
    }
}

/// Writes the file anew. From then on, free pages may leave it, also if an earlier version has made it.
async fn rewrite(pool: &Arc<Pool>) -> Result<(), SqlError> {
    execute(pool, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM").await
}

/// Moves all that is in the write-ahead log into the database, and cuts the log to nothing. `false`: somebody still reads
/// from it. They are waited for on a connection of its own, and only for a moment, since sends wait meanwhile.
async fn empty_log(source: &Arc<dyn Source>) -> Result<bool, SqlError> {
    let pool = Pool::new(source, &Arc::default(), Share::ONE);
    let emptied = async {
        execute(&pool, "PRAGMA busy_timeout = 50").await?;
        let checkout = pool.checkout().await?;
        let row = checkout.check(checkout.run().query_one("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await)?;
        let busy: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        Ok(busy == 0)
    };
    let emptied = emptied.await;
    pool.close().await;
    emptied
}

async fn execute(pool: &Arc<Pool>, sql: &str) -> Result<(), SqlError> {
    let checkout = pool.checkout().await?;
    let done = tokio::time::timeout(STATEMENT_TIMEOUT, checkout.connection().execute_unprepared(sql)).await;
    let done =
        done.map_or_else(|_| Err(SqlError::timed_out("a vacuum")), |done| done.map(drop).map_err(SqlError::from));
    checkout.check(done)
}
