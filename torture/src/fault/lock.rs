//! Another writer, which holds a lock on the database.

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use super::FaultError;

/// A lock that another connection holds until it is released.
#[derive(Debug)]
pub struct Lock {
    connection: DatabaseConnection,
    transaction: DatabaseTransaction,
}

impl Lock {
    /// Takes the write lock of an SQLite database.
    ///
    /// # Errors
    /// [`FaultError::Database`] if the lock is not free within 5 s.
    pub async fn on_sqlite(url: &str) -> Result<Self, FaultError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Self::begin(url, options).await
    }

    /// Locks a whole table on a database's server.
    ///
    /// # Errors
    /// [`FaultError::Database`] if the lock cannot be had.
    pub async fn on_table(url: &str, table: &str) -> Result<Self, FaultError> {
        let lock = Self::begin(url, TransactionOptions::default()).await?;
        let is_postgres = lock.connection.get_database_backend() == DatabaseBackend::Postgres;
        let sql = if is_postgres {
            format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        } else {
            // The lock belongs to the connection, which ends with this value.
            format!("LOCK TABLES {table} WRITE")
        };
        lock.transaction.execute_unprepared(&sql).await?;
        Ok(lock)
    }

    /// Locks some rows of a table on a database's server.
    ///
    /// # Errors
    /// [`FaultError::Database`] if they cannot be locked, or there are none.
    pub async fn on_rows(url: &str, table: &str, condition: &str) -> Result<Self, FaultError> {
        let lock = Self::begin(url, TransactionOptions::default()).await?;
        let backend = lock.connection.get_database_backend();
        let sql = format!("SELECT * FROM {table} WHERE {condition} FOR UPDATE");
        let rows = lock.transaction.query_all_raw(Statement::from_string(backend, sql)).await?;
        if rows.is_empty() {
            return Err(FaultError::Failed(format!("there is no row in {table} where {condition}")));
        }
        Ok(lock)
    }

    /// Releases the lock.
    ///
    /// # Errors
    /// [`FaultError::Database`] if the connection, and the lock with it, is gone.
    pub async fn release(self) -> Result<(), FaultError> {
        self.transaction.rollback().await?;
        Ok(self.connection.close().await?)
    }

    async fn begin(url: &str, options: TransactionOptions) -> Result<Self, FaultError> {
        let mut connect = ConnectOptions::new(url);
        connect.max_connections(1).sqlx_logging(false);
        let connection = Database::connect(connect).await?;
        let transaction = connection.begin_with_options(options).await?;
        Ok(Self { connection, transaction })
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::*;
    use crate::fault::unique;

    #[tokio::test]
    async fn nobody_else_writes_to_sqlite_while_it_is_held() {
        let file = env::temp_dir().join(unique("lock"));
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let mut options = ConnectOptions::new(&url);
        options.max_connections(1).sqlx_logging(false);
        let other = Database::connect(options).await.unwrap();
        other.execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
        other.execute_unprepared("CREATE TABLE t (x)").await.unwrap();
        let lock = Lock::on_sqlite(&url).await.unwrap();
        assert!(other.execute_unprepared("INSERT INTO t VALUES (1)").await.is_err());
        lock.release().await.unwrap();
        other.execute_unprepared("INSERT INTO t VALUES (1)").await.unwrap();
        other.close().await.unwrap();
        fs::remove_file(file).unwrap();
    }

    #[tokio::test]
    #[ignore = "needs a server: cargo xtask test"]
    async fn nobody_else_reads_a_locked_table() {
        let limits = [
            ("CHAT_TEST_POSTGRES_URL", "SET lock_timeout = 100"),
            ("CHAT_TEST_MYSQL_URL", "SET lock_wait_timeout = 1"),
        ];
        for (variable, limit) in limits {
            let server = env::var(variable).unwrap();
            let mut options = ConnectOptions::new(&server);
            options.max_connections(1).sqlx_logging(false);
            let other = Database::connect(options).await.unwrap();
            let table = unique("t").replace('-', "_");
            other.execute_unprepared(limit).await.unwrap();
            other.execute_unprepared(&format!("CREATE TABLE {table} (x int)")).await.unwrap();
            let write = format!("INSERT INTO {table} VALUES (1)");
            let lock = Lock::on_table(&server, &table).await.unwrap();
            assert!(other.execute_unprepared(&write).await.is_err(), "{variable}");
            lock.release().await.unwrap();
            other.execute_unprepared(&write).await.unwrap();
            assert!(Lock::on_rows(&server, &table, "x = 2").await.is_err(), "there is none");
            let lock = Lock::on_rows(&server, &table, "x = 1").await.unwrap();
            lock.release().await.unwrap();
            other.execute_unprepared(&format!("DROP TABLE {table}")).await.unwrap();
        }
    }
}
