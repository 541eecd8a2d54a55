//! Transactions and statements on SQLite, in few trips to the thread of the connection.
//!
//! The driver has a thread for each connection. To go there and come back costs more than what most statements do there: two
//! switches of threads, and as many to begin and to commit. So a transaction begins with its first statement, statements for
//! whose outcome nobody waits go along with what comes next, and the last of them with the commit. What is sent together is one
//! text with several statements, which the driver runs in order until one fails. And the connection is kept, as a pool would
//! ask whether it still lives after each use.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::StreamExt;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Value,
    sqlx::{
        self, Arguments, AssertSqlSafe, Either, Executor, Sqlite,
        pool::PoolConnection,
        sqlite::{SqliteArguments, SqlitePool, SqliteQueryResult},
    },
};
use tokio::{runtime::Handle, sync::Mutex as AsyncMutex};

/// Connections that are kept from one use to the next.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Keeping>);

#[derive(Debug, Default)]
struct Keeping {
    connections: Vec<PoolConnection<Sqlite>>,
    /// Whether none are kept any more.
    is_over: bool,
}

/// A transaction on one of them, or statements that stand each by itself.
#[derive(Debug)]
pub(super) struct FewTrips {
    connection: AsyncMutex<Link>,
    /// What goes along with the next statement.
    waiting: Mutex<Vec<Statement>>,
    is_transaction: bool,
    pool: SqlitePool,
    kept: Arc<Kept>,
}

/// What is known of the connection.
#[derive(Debug)]
enum Link {
    /// The next statement needs one.
    Wanted,
    Held(PoolConnection<Sqlite>),
    /// The transaction has ended.
    Over,
}

/// The most values of statements that are sent together. The driver keeps each text prepared: of short ones, there are few.
const JOINED_VALUES: usize = 512;

/// What a statement has given.
type Outcome = (Vec<QueryResult>, SqliteQueryResult);

impl Kept {
    /// A connection that was kept, or another one of the pool's.
    async fn take(&self, pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, DbErr> {
        let kept = self.locked().connections.pop();
        match kept {
            Some(connection) => Ok(connection),
            None => pool.acquire().await.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into()))),
        }
    }

    /// Keeps a connection on which no transaction is open.
    fn keep(&self, connection: PoolConnection<Sqlite>) {
        let mut keeping = self.locked();
        if !keeping.is_over {
            keeping.connections.push(connection);
        }
    }

    /// Gives them back to the pool.
    pub(super) fn release(&self) {
        drop(mem::take(&mut self.locked().connections));
    }

    /// The same for good: those that are in use now are given back after it.
    pub(super) fn close(&self) {
        self.locked().is_over = true;
        self.release();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Keeping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // A pool takes connections back in a task, and there may be no runtime any more. These are closed.
        for connection in mem::take(&mut self.locked().connections) {
            drop(connection.detach());
        }
    }
}

impl FewTrips {
    /// A transaction that writes, which begins with its first statement.
    pub(super) async fn writing(pool: &SqlitePool, kept: &Arc<Kept>) -> Result<Self, DbErr> {
        Self::transaction("BEGIN IMMEDIATE", pool, kept).await
    }

    /// A transaction that sees what there is when it reads first.
    pub(super) async fn reading(pool: &SqlitePool, kept: &Arc<Kept>) -> Result<Self, DbErr> {
        Self::transaction("BEGIN", pool, kept).await
    }

    async fn transaction(begin: &str, pool: &SqlitePool, kept: &Arc<Kept>) -> Result<Self, DbErr> {
        let begin = Statement::from_string(DbBackend::Sqlite, begin);
        let mut transaction = Self::auto_commit(pool, kept);
        *transaction.connection.get_mut() = Link::Held(kept.take(pool).await?);
        transaction.is_transaction = true;
        transaction.execute_later(begin);
        Ok(transaction)
    }

    /// Statements that stand each by itself.
    pub(super) fn auto_commit(pool: &SqlitePool, kept: &Arc<Kept>) -> Self {
        Self {
            connection: AsyncMutex::new(Link::Wanted),
            waiting: Mutex::default(),
            is_transaction: false,
            pool: pool.clone(),
            kept: Arc::clone(kept),
        }
    }

    /// Lets others have the connection until the next of the statements that stand each by itself.
    pub(super) fn let_go(&self) {
        if let Ok(mut link) = self.connection.try_lock()
            && let Link::Held(connection) = mem::replace(&mut *link, Link::Wanted)
        {
            self.kept.keep(connection);
        }
    }

    /// See [`OpenTransaction::execute_later`](super::transaction::OpenTransaction::execute_later).
    pub(super) fn execute_later(&self, statement: Statement) {
        self.waiting().push(statement);
    }

    /// See [`OpenTransaction::query_both`](super::transaction::OpenTransaction::query_both).
    pub(super) async fn query_both(&self, one: Statement, two: Statement) -> Result<[Vec<QueryResult>; 2], DbErr> {
        Ok(self.run([one, two]).await?.map(|(rows, _)| rows))
    }

    /// Commits, and keeps the connection.
    pub(super) async fn commit(self) -> Result<(), CommitFailure> {
        let commit = Statement::from_string(DbBackend::Sqlite, "COMMIT");
        let mut link = self.connection.lock().await;
        let mut statements = mem::take(&mut *self.waiting());
        statements.push(commit);
        let sent = statements.len();
        let mut outcomes = Vec::new();
        let Link::Held(on) = &mut *link else { return Err(CommitFailure { error: ended(), was_refused: true }) };
        if let Err(error) = run_all(on, statements, &mut outcomes).await {
            return Err(CommitFailure { error, was_refused: outcomes.len() + 1 < sent });
        }
        if let Link::Held(connection) = mem::replace(&mut *link, Link::Over) {
            self.kept.keep(connection);
        }
        Ok(())
    }

    /// Runs what waits, then these.
    async fn run<const N: usize>(&self, statements: [Statement; N]) -> Result<[Outcome; N], DbErr> {
        let mut link = self.connection.lock().await;
        if matches!(*link, Link::Wanted) {
            *link = Link::Held(self.kept.take(&self.pool).await?);
        }
        let Link::Held(on) = &mut *link else { return Err(ended()) };
        let mut all = mem::take(&mut *self.waiting());
        all.extend(statements);
        let mut outcomes = Vec::new();
        run_all(on, all, &mut outcomes).await?;
        let last = outcomes.split_off(outcomes.len().saturating_sub(N));
        last.try_into().map_err(|_| DbErr::Custom("a statement has no outcome".to_owned()))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Statement>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ConnectionTrait for FewTrips {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let [(_, done)] = self.run([statement]).await?;
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(DbBackend::Sqlite, sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let [(rows, _)] = self.run([statement]).await?;
        Ok(rows)
    }
}

impl Drop for FewTrips {
    /// Keeps the connection, after statements. A transaction rolls back, and gives the connection back to the pool then: others
    /// wait for it there.
    fn drop(&mut self) {
        let Link::Held(mut connection) = mem::replace(self.connection.get_mut(), Link::Over) else { return };
        if !self.is_transaction {
            return self.kept.keep(connection);
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                // It fails where nothing has begun, or where SQLite has rolled back by itself.
                let _done = connection.execute("ROLLBACK").await;
            })),
            Err(_) => drop(connection.detach()),
        }
    }
}

/// Why a commit failed.
#[derive(Debug)]
pub(super) struct CommitFailure {
    pub(super) error: DbErr,
    /// Whether a statement before it failed: then it surely did not commit.
    pub(super) was_refused: bool,
}

/// Runs statements one after the other, in as few trips as may be, until one fails. Those before have their outcome then.
async fn run_all(
    on: &mut PoolConnection<Sqlite>,
    statements: Vec<Statement>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), DbErr> {
    let values = |statement: &Statement| statement.values.as_ref().map_or(0, |values| values.0.len());
    if statements.iter().map(values).sum::<usize>() <= JOINED_VALUES {
        return trip(on, statements, outcomes).await;
    }
    for statement in statements {
        trip(on, vec![statement], outcomes).await?;
    }
    Ok(())
}

/// Runs statements in one trip.
async fn trip(
    on: &mut PoolConnection<Sqlite>,
    statements: Vec<Statement>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), DbErr> {
    let mut sql = String::new();
    let mut arguments = SqliteArguments::default();
    for statement in statements {
        if !sql.is_empty() {
            sql.push(';');
        }
        sql.push_str(&statement.sql);
        for value in statement.values.into_iter().flat_map(|values| values.0) {
            bind(&mut arguments, value)?;
        }
    }
    let mut results = on.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
    let mut rows = Vec::new();
    while let Some(result) = results.next().await {
        match result.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))? {
            Either::Right(row) => rows.push(row.into()),
            Either::Left(done) => outcomes.push((mem::take(&mut rows), done)),
        }
    }
    Ok(())
}

/// Adds a value of one of the kinds that our statements have.
#[expect(clippy::wildcard_enum_match_arm, reason = "sea-orm has values of many kinds")]
fn bind(arguments: &mut SqliteArguments, value: Value) -> Result<(), DbErr> {
    let added = match value {
        Value::Bool(value) => arguments.add(value),
        Value::TinyInt(value) => arguments.add(value),
        Value::SmallInt(value) => arguments.add(value),
        Value::Int(value) => arguments.add(value),
        Value::BigInt(value) => arguments.add(value),
        Value::Double(value) => arguments.add(value),
        Value::String(value) => arguments.add(value),
        Value::Bytes(value) => arguments.add(value),
        other => return Err(DbErr::Type(format!("no such value is stored: {other:?}"))),
    };
    added.map_err(|error| DbErr::Type(error.to_string()))
}

fn ended() -> DbErr {
    DbErr::Custom("the transaction has ended".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

    use super::*;

    /// A file with a table, and a pool of one connection.
    struct Database {
        file: PathBuf,
        pool: SqlitePool,
        kept: Arc<Kept>,
    }

    impl Database {
        async fn new() -> Self {
            let file = std::env::temp_dir().join(format!("chat-core-trips-{}.db", uuid::Uuid::new_v4().simple()));
            let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
            let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
            let database = Self { file, pool, kept: Arc::default() };
            let transaction = database.begin().await;
            transaction
                .execute_raw(statement("CREATE TABLE numbers (number INTEGER PRIMARY KEY)", None))
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            database
        }

        async fn begin(&self) -> FewTrips {
            FewTrips::writing(&self.pool, &self.kept).await.unwrap()
        }

        /// What is stored, as a transaction of its own sees it.
        async fn numbers(&self) -> Vec<i64> {
            numbers(&self.begin().await).await
        }

        async fn close(self) {
            self.kept.release();
            self.pool.close().await;
            std::fs::remove_file(self.file).unwrap();
        }
    }

    fn statement(sql: &str, number: Option<i64>) -> Statement {
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, number.map(Value::from))
    }

    fn insert(number: i64) -> Statement {
        statement("INSERT INTO numbers VALUES (?)", Some(number))
    }

    async fn numbers(transaction: &FewTrips) -> Vec<i64> {
        let rows =
            transaction.query_all_raw(statement("SELECT number FROM numbers ORDER BY number", None)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_waits_runs_before_what_comes_next_and_before_the_commit() {
        let database = Database::new().await;
        let transaction = database.begin().await;
        transaction.execute_later(insert(2));
        transaction.execute_later(insert(1));
        assert_eq!(numbers(&transaction).await, [1, 2]);
        transaction.execute_later(insert(3));
        transaction.commit().await.unwrap();
        assert_eq!(database.numbers().await, [1, 2, 3]);
        database.close().await;
    }

    #[tokio::test]
    async fn each_statement_has_its_own_outcome() {
        let database = Database::new().await;
        let transaction = database.begin().await;
        transaction.execute_later(insert(1));
        transaction.execute_later(insert(2));
        let deleted =
            transaction.execute_raw(statement("DELETE FROM numbers WHERE number = ?", Some(1))).await.unwrap();
        assert_eq!(deleted.rows_affected(), 1);
        transaction.execute_later(insert(3));
        let both = [statement("SELECT number FROM numbers", None), statement("SELECT 7, 8 WHERE 0 = ?", Some(1))];
        let [one, two] = both;
        let [one, two] = transaction.query_both(one, two).await.unwrap();
        assert_eq!((one.len(), two.len()), (2, 0));
        drop(transaction);
        assert_eq!(database.numbers().await, [0; 0]);
        database.close().await;
    }

    #[tokio::test]
    async fn a_commit_before_which_a_statement_failed_was_surely_refused() {
        let database = Database::new().await;
        let transaction = database.begin().await;
        transaction.execute_later(insert(1));
        transaction.execute_later(insert(1));
        assert!(transaction.commit().await.unwrap_err().was_refused);
        assert_eq!(database.numbers().await, [0; 0]);

        // A deferred key is looked at by the commit itself.
        let transaction = database.begin().await;
        let table = "CREATE TABLE others (number REFERENCES numbers(number) DEFERRABLE INITIALLY DEFERRED)";
        transaction.execute_raw(statement(table, None)).await.unwrap();
        transaction.execute_later(statement("INSERT INTO others VALUES (?)", Some(5)));
        assert!(!transaction.commit().await.unwrap_err().was_refused);
        database.close().await;
    }

    #[tokio::test]
    async fn many_values_are_sent_one_statement_after_the_other() {
        let database = Database::new().await;
        let transaction = database.begin().await;
        (0..=i64::try_from(JOINED_VALUES).unwrap()).for_each(|number| transaction.execute_later(insert(number)));
        transaction.commit().await.unwrap();
        assert_eq!(database.numbers().await.len(), JOINED_VALUES + 1);
        database.close().await;
    }

    #[tokio::test]
    async fn one_that_is_dropped_leaves_nothing_and_holds_nobody_up() {
        let database = Database::new().await;
        for _ in 0..3 {
            let transaction = database.begin().await;
            transaction.execute_raw(insert(1)).await.unwrap();
            drop(transaction);
        }
        assert_eq!(database.numbers().await, [0; 0]);
        let transaction = database.begin().await;
        transaction.execute_raw(insert(1)).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(database.numbers().await, [1]);
        database.close().await;
    }

    #[tokio::test]
    async fn statements_by_themselves_take_turns_with_transactions_on_the_only_connection() {
        let database = Database::new().await;
        let statements = FewTrips::auto_commit(&database.pool, &database.kept);
        statements.execute_raw(insert(1)).await.unwrap();
        statements.let_go();
        assert_eq!(database.numbers().await, [1]);
        assert_eq!(numbers(&statements).await, [1]);
        drop(statements);
        assert_eq!(database.kept.locked().connections.len(), 1);
        database.close().await;
    }

    #[tokio::test]
    async fn a_transaction_that_reads_sees_what_there_was_at_first() {
        let database = Database::new().await;
        let pragma = "PRAGMA journal_mode = WAL";
        FewTrips::auto_commit(&database.pool, &database.kept).query_all_raw(statement(pragma, None)).await.unwrap();
        let options = SqliteConnectOptions::new().filename(&database.file);
        let other = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
        let kept = Arc::default();
        let reading = FewTrips::reading(&other, &kept).await.unwrap();
        assert_eq!(numbers(&reading).await, [0; 0]);
        FewTrips::auto_commit(&database.pool, &database.kept).execute_raw(insert(1)).await.unwrap();
        assert_eq!(numbers(&reading).await, [0; 0]);
        reading.commit().await.unwrap();
        assert_eq!(numbers(&FewTrips::auto_commit(&other, &kept)).await, [1]);
        kept.release();
        other.close().await;
        database.close().await;
    }

    #[tokio::test]
    async fn after_the_end_none_is_kept() {
        let database = Database::new().await;
        let statements = FewTrips::auto_commit(&database.pool, &database.kept);
        statements.execute_raw(insert(1)).await.unwrap();
        database.kept.close();
        drop(statements);
        assert_eq!(database.kept.locked().connections.len(), 0);
        database.close().await;
    }

    #[test]
    fn what_is_kept_needs_no_runtime_to_be_dropped() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let database = runtime.block_on(Database::new());
        drop(runtime);
        drop(database.kept);
        std::fs::remove_file(database.file).unwrap();
    }
}
