//! Statements and transactions, each within a time-out.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, ExecResult, QueryResult, Statement, Value};

use tokio::time::timeout;

use super::{
    dialect::Dialect,
    error::SqlError,
    pool::{Checkout, Pool},
    sealing::Sealing,
    transaction::OpenTransaction,
};

/// How long a statement may take, as seen from here, unless the host says otherwise of writes: what finds a network that is gone.
/// The databases have limits of their own, so that what is given up here ends there too.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Something that runs statements, in one dialect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a, C> {
    /// Where they run.
    pub(super) on: &'a C,
    /// What is spoken there.
    pub(super) dialect: &'static dyn Dialect,
    /// How texts are stored there.
    pub(super) sealing: &'a Sealing,
    /// How long a statement may take.
    pub(super) time_out: Duration,
}

impl<C: ConnectionTrait> Run<'_, C> {
    /// The rows of a query; `?` stands for each value.
    pub(super) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, SqlError> {
        within(self.time_out, "a query", self.on.query_all_raw(self.statement(sql, values))).await
    }

    /// The only row of a query, if there is one.
    pub(super) async fn query_one(&self, sql: &str, values: Vec<Value>) -> Result<Option<QueryResult>, SqlError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Runs a statement; `?` stands for each value.
    pub(super) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<ExecResult, SqlError> {
        within(self.time_out, "a statement", self.on.execute_raw(self.statement(sql, values))).await
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.dialect.backend(), self.dialect.numbered(sql), values)
    }
}

/// Runs statements in a transaction.
pub(super) type Transaction<'a> = Run<'a, OpenTransaction<'a>>;

impl Transaction<'_> {
    /// Runs a statement for whose outcome nobody waits: at the latest when the transaction commits. If it fails, what comes next
    /// in the transaction fails.
    pub(super) async fn execute_later(&self, sql: &str, values: Vec<Value>) -> Result<(), SqlError> {
        within(self.time_out, "a statement", self.on.execute_later(self.statement(sql, values))).await
    }

    /// The rows of two queries, the second of which does not need the first one's.
    #[cfg(feature = "sqlite")]
    pub(super) async fn query_both(
        &self,
        one: (String, Vec<Value>),
        two: (String, Vec<Value>),
    ) -> Result<[Vec<QueryResult>; 2], SqlError> {
        let both = self.on.query_both(self.statement(&one.0, one.1), self.statement(&two.0, two.1));
        within(self.time_out, "two queries", both).await
    }
}

/// A transaction that writes. Dropped, it is rolled back.
#[derive(Debug)]
pub(super) struct Write {
    /// Before the connection, so that it has ended when the next one gets that.
    transaction: OpenTransaction<'static>,
    checkout: Checkout,
}

impl Write {
    /// Begins one on a connection of this pool.
    pub(super) async fn begin(pool: &Arc<Pool>) -> Result<Self, SqlError> {
        let checkout = pool.checkout().await?;
        let begun = within(checkout.time_out(), "beginning a transaction", checkout.begin()).await;
        let transaction = checkout.check(begun)?;
        Ok(Self { checkout, transaction })
    }

    /// Begins one of sea-orm's, for what runs only there. [`go_on`](Self::go_on) makes it a `Write`.
    pub(super) async fn begin_pooled(pool: &Arc<Pool>) -> Result<(Checkout, DatabaseTransaction), SqlError> {
        let checkout = pool.checkout().await?;
        let begun = within(checkout.time_out(), "beginning a transaction", checkout.begin_pooled()).await;
        let transaction = checkout.check(begun)?;
        Ok((checkout, transaction))
    }

    /// Goes on with a transaction of sea-orm's.
    pub(super) const fn go_on(checkout: Checkout, transaction: DatabaseTransaction) -> Self {
        Self { transaction: OpenTransaction::Ours(transaction), checkout }
    }

    /// Runs statements in it.
    pub(super) fn run(&self) -> Transaction<'_> {
        let Self { transaction, checkout } = self;
        let (dialect, sealing, time_out) = (checkout.dialect(), checkout.sealing(), checkout.time_out());
        Run { on: transaction, dialect, sealing, time_out }
    }

    /// Commits what went well, rolls back what did not.
    pub(super) async fn end<T>(self, result: Result<T, SqlError>) -> Result<T, SqlError> {
        let Self { checkout, transaction } = self;
        let value = checkout.check(result)?;
        let committed = match timeout(checkout.time_out(), transaction.commit()).await {
            Ok(committed) => committed,
            Err(_) => Err(SqlError::timed_out("a commit").of_commit()),
        };
        checkout.check(committed)?;
        Ok(value)
    }
}

/// A transaction that reads several times and sees the database each time as it was at first. Dropped, it ends: nothing was
/// written, so nobody has to wait for that.
#[derive(Debug)]
pub(super) struct Snapshot {
    transaction: OpenTransaction<'static>,
    dialect: &'static dyn Dialect,
    sealing: Arc<Sealing>,
    time_out: Duration,
}

impl Snapshot {
    /// Begins one on this connection.
    pub(super) async fn begin(checkout: &Checkout) -> Result<Self, SqlError> {
        let (sealing, time_out) = (Arc::clone(checkout.sealing()), checkout.time_out());
        let transaction = within(time_out, "beginning a snapshot", checkout.begin_snapshot()).await?;
        Ok(Self { transaction, dialect: checkout.dialect(), sealing, time_out })
    }

    /// Ends it where that spares the next one something. Nothing was written: whether it fails is of no interest.
    #[cfg_attr(not(feature = "sqlite"), expect(clippy::unused_async, reason = "only SQLite's connections are kept"))]
    pub(super) async fn end(self) {
        #[cfg(feature = "sqlite")]
        if let OpenTransaction::FewTrips(transaction) = self.transaction {
            let _ended = timeout(self.time_out, transaction.commit()).await;
        }
    }

    /// Runs statements in it.
    pub(super) fn run(&self) -> Transaction<'_> {
        Run { on: &self.transaction, dialect: self.dialect, sealing: &self.sealing, time_out: self.time_out }
    }
}

/// Reads with `$run` in a snapshot on one of a pool's connections, to the end, whoever asked and went away.
macro_rules! in_snapshot {
    ($pool:expr, |$run:ident| $read:expr) => {{
        let reading = |checkout: std::sync::Arc<$crate::store::sea::pool::Checkout>| async move {
            let snapshot = $crate::store::sea::run::Snapshot::begin(&checkout).await?;
            let read = {
                let $run = &snapshot.run();
                $read.await
            };
            snapshot.end().await;
            read
        };
        Ok($pool.read(reading).await?)
    }};
}
pub(super) use in_snapshot;

async fn within<T>(
    time_out: Duration,
    what: &str,
    work: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, SqlError> {
    match timeout(time_out, work).await {
        Ok(result) => result.map_err(SqlError::from),
        Err(_) => Err(SqlError::timed_out(what)),
    }
}
