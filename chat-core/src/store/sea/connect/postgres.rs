//! Connections to PostgreSQL.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    DatabaseConnection, SqlxPostgresConnector,
    sqlx::{self, AssertSqlSafe, ConnectOptions, Connection, Executor, PgPool, postgres::PgConnectOptions},
};

use super::{
    super::{
        auto_commit::AutoCommit,
        dialect::{Dialect, postgres::Postgres},
        error::SqlError,
        pool,
        run::Run,
    },
    Source, lock_time_out, parameters,
};
use crate::StartError;

/// What a session of ours begins with. The limits end there what was given up here.
fn session(time_out: Duration) -> String {
    let (lock, statement) = (lock_time_out(time_out).as_millis(), time_out.as_millis());
    format!(
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; SET lock_timeout = {lock}; \
         SET statement_timeout = {statement}; SET idle_in_transaction_session_timeout = {statement}"
    )
}

/// Where a PostgreSQL database is.
#[derive(Debug)]
pub(super) struct PostgresSource {
    options: PgConnectOptions,
}

impl PostgresSource {
    pub(super) fn from_url(url: &str) -> Result<Self, StartError> {
        let url = parameters::keep_known(url, is_known)?;
        let options: PgConnectOptions = url.parse().map_err(|error| StartError::BadUrl(format!("{error}")))?;
        let host = parameters::without_brackets(options.get_host()).to_owned();
        Ok(Self::new(options.host(&host)))
    }

    pub(super) fn of_host(pool: &PgPool) -> Self {
        Self::new((*pool.connect_options()).clone())
    }

    fn new(options: PgConnectOptions) -> Self {
        Self { options: options.statement_cache_capacity(512).disable_statement_logging() }
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn dialect(&self) -> &'static dyn Dialect {
        &Postgres
    }

    fn name(&self) -> String {
        let (host, port) = (self.options.get_host(), self.options.get_port());
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        match self.options.get_socket() {
            Some(folder) => format!("\"{database}\" on {}/.s.PGSQL.{port}", folder.display()),
            None if host.starts_with('/') => format!("\"{database}\" on {host}/.s.PGSQL.{port}"),
            None => format!("\"{database}\" on {host}:{port}"),
        }
    }

    fn connections(&self, size: u32, time_out: Duration) -> DatabaseConnection {
        let session: Arc<str> = session(time_out).into();
        let pool = pool::options::<sqlx::Postgres>(size).after_connect(move |connection, _| {
            let session = Arc::clone(&session);
            Box::pin(async move {
                // Numbers alone were put into it.
                connection.execute(AssertSqlSafe(&*session)).await?;
                Ok(())
            })
        });
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(self.options.clone()))
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
    let sql = "SELECT name, setting FROM pg_settings \
         WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting IN ('off')";
    for row in run.query(sql, Vec::new()).await? {
        let (name, setting): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        tracing::warn!(
            setting = format!("{name}={setting}"),
            "PostgreSQL may lose acknowledged messages when the machine fails: this setting should be on"
        );
    }
    Ok(())
}

/// The parameters that the driver knows.
fn is_known(parameter: &str) -> bool {
    const KNOWN: [&str; 17] = [
        "sslmode",
        "ssl-mode",
        "sslrootcert",
        "ssl-root-cert",
        "ssl-ca",
        "sslcert",
        "ssl-cert",
        "sslkey",
        "ssl-key",
        "statement-cache-capacity",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
    ];
    KNOWN.contains(&parameter) || parameter == "options" || parameter.starts_with("options[")
}
