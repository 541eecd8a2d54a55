//! Connections to MySQL and MariaDB.

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{
    DatabaseConnection, SqlxMySqlConnector,
    sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlPool, mysql::MySqlConnectOptions},
};

use super::{
    super::{
        auto_commit::AutoCommit,
        dialect::{Dialect, mysql::MySql},
        error::SqlError,
        pool,
        run::Run,
    },
    Source, lock_time_out, parameters,
};
use crate::StartError;

/// What every session of ours begins with. Text that does not fit is refused, not cut.
const SESSION: &[&str] = &[
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
];

/// The limits of such a session, which end there what was given up here; locks are waited for in whole seconds.
fn limits(is_mariadb: bool, time_out: Duration) -> Vec<String> {
    let whole = |time: Duration| time.as_secs().max(1);
    let lock = format!("SET SESSION innodb_lock_wait_timeout = {}", whole(lock_time_out(time_out)));
    if !is_mariadb {
        // MySQL can limit what only reads.
        return vec![lock, format!("SET SESSION max_execution_time = {}", time_out.as_millis())];
    }
    // MariaDB alone can limit all statements, and the time in a transaction.
    let statement = format!("SET SESSION max_statement_time = {}", time_out.as_secs_f64());
    vec![lock, statement, format!("SET SESSION idle_transaction_timeout = {}", whole(time_out))]
}

/// The parameters of a URL that the driver knows.
const KNOWN: [&str; 14] = [
    "sslmode",
    "ssl-mode",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "charset",
    "collation",
    "statement-cache-capacity",
    "socket",
    "timezone",
    "time-zone",
];

/// Where a MySQL or MariaDB database is.
#[derive(Debug)]
pub(super) struct MySqlSource {
    options: MySqlConnectOptions,
}

impl MySqlSource {
    pub(super) fn from_url(url: &str) -> Result<Self, StartError> {
        let url = parameters::keep_known(url, |parameter| KNOWN.contains(&parameter))?;
        let options: MySqlConnectOptions = url.parse().map_err(|error| StartError::BadUrl(format!("{error}")))?;
        if options.get_database().is_none() {
            return Err(StartError::BadUrl("it names no database".to_owned()));
        }
        let host = parameters::without_brackets(options.get_host()).to_owned();
        Ok(Self::new(options.host(&host)))
    }

    pub(super) fn of_host(pool: &MySqlPool) -> Self {
        Self::new((*pool.connect_options()).clone())
    }

    fn new(options: MySqlConnectOptions) -> Self {
        Self { options: options.charset("utf8mb4").statement_cache_capacity(512).disable_statement_logging() }
    }
}

#[async_trait]
impl Source for MySqlSource {
    fn dialect(&self) -> &'static dyn Dialect {
        &MySql
    }

    fn name(&self) -> String {
        let database = self.options.get_database().unwrap_or_default();
        match self.options.get_socket() {
            Some(socket) => format!("\"{database}\" on {}", socket.display()),
            None => format!("\"{database}\" on {}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    fn connections(&self, size: u32, time_out: Duration) -> DatabaseConnection {
        let pool = pool::options::<sqlx::MySql>(size).after_connect(move |connection, _| {
            Box::pin(async move {
                for sql in SESSION {
                    connection.execute(*sql).await?;
                }
                let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut *connection).await?;
                for sql in limits(version.contains("MariaDB"), time_out) {
                    // Numbers alone were put into it.
                    connection.execute(AssertSqlSafe(sql)).await?;
                }
                Ok(())
            })
        });
        SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(self.options.clone()))
    }

    async fn visit(&self) -> Result<(), sqlx::Error> {
        self.options.connect().await?.close().await
    }

    async fn check(&self, run: &Run<'_, AutoCommit>) -> Result<(), StartError> {
        Ok(warn_of_settings(run).await?)
    }
}

/// Warns where the server may lose what it has committed.
async fn warn_of_settings(run: &Run<'_, AutoCommit>) -> Result<(), SqlError> {
    let sql = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), CAST(@@log_bin AS SIGNED), \
         CAST(@@sync_binlog AS SIGNED)";
    let Some(row) = run.query_one(sql, Vec::new()).await? else { return Ok(()) };
    let (flush, has_log, sync): (i64, i64, i64) =
        (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
    let warn = |setting: &str| {
        tracing::warn!(
            setting,
            "the database may lose acknowledged messages when the machine fails: this setting should be 1"
        );
    };
    if flush != 1 {
        warn("innodb_flush_log_at_trx_commit");
    }
    if has_log != 0 && sync != 1 {
        warn("sync_binlog");
    }
    Ok(())
}
