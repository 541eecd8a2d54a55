//! From a URL, or from a connection that the host owns, to connections of the engine's own: its settings belong to a
//! connection, and its writes must not wait for the host's.

use std::{fmt::Debug, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{DatabaseConnection, DatabaseConnectionType, SqlxError};

use super::{
    auto_commit::AutoCommit,
    dialect::Dialect,
    run::{Run, STATEMENT_TIMEOUT},
};
use crate::StartError;

#[cfg(feature = "sqlite")]
mod beside;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod parameters;
#[cfg(feature = "postgres")]
mod postgres;
mod reach;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(super) use reach::reach;

/// How URLs may begin, and whether this build has what they ask for.
const SCHEMES: [(&str, bool); 3] = [
    ("sqlite:", cfg!(feature = "sqlite")),
    ("postgres:", cfg!(feature = "postgres")),
    ("mysql:", cfg!(feature = "mysql")),
];

/// A database, as far as it can be connected to. What is not said otherwise holds for a server.
#[async_trait]
pub(super) trait Source: Debug + Send + Sync {
    /// What is spoken there.
    fn dialect(&self) -> &'static dyn Dialect;

    /// What to call it in a message; no secret is in it.
    fn name(&self) -> String;

    /// Up to `size` connections, made when they are needed. What takes longer there than `time_out` is ended there.
    fn connections(&self, size: u32, time_out: Duration) -> DatabaseConnection;

    /// Connects to the server once, outside of any pool, and leaves.
    async fn visit(&self) -> Result<(), SqlxError>;

    /// Checks the version, and warns where the server may lose what it has committed.
    async fn check(&self, run: &Run<'_, AutoCommit>) -> Result<(), StartError>;

    /// Whether there is a server behind it.
    fn is_server(&self) -> bool {
        true
    }

    /// Whether it may hold tables that are not ours: on a server, and where somebody has said so.
    fn is_shared(&self) -> bool {
        true
    }

    /// Whether connections may be closed and made anew: with the last one, a database in memory would be gone.
    fn is_replaceable(&self) -> bool {
        true
    }

    /// Whether connections are kept from one transaction that writes to the next, and not given back to a pool in between.
    #[cfg(feature = "sqlite")]
    fn keeps_connections(&self) -> bool {
        false
    }

    /// The file, where the database is one.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// Looks whether the database can be opened at all, without opening it.
    fn look(&self) -> Result<(), StartError> {
        Ok(())
    }

    /// Looks whether a file is a database, touching nothing; ends the locks that this process has on it.
    fn look_at_content(&self) -> Result<(), StartError> {
        Ok(())
    }

    /// A connection to look into a file that holds something, which changes nothing in it. A server refuses by itself what it
    /// does not want.
    fn look_inside(&self) -> Option<DatabaseConnection> {
        None
    }

    /// Makes a file that is missing, and keeps it from the eyes of others.
    async fn prepare(&self) -> Result<(), StartError> {
        Ok(())
    }
}

/// Up to `size` connections, made when they are needed, to the database that an engine has opened by this URL, for tables of the
/// host's own beside the engine's. They have the settings of the engine's own connections, and the same time-outs. To SQLite, a
/// transaction that writes should begin as an immediate one, and be short: the engine waits for it.
///
/// A database in memory is another one than the engine's, and has one connection.
///
/// # Errors
/// [`StartError::BadUrl`].
pub fn connections(url: &str, size: u32) -> Result<DatabaseConnection, StartError> {
    Ok(from_url(url)?.connections(size, STATEMENT_TIMEOUT))
}

/// How long to wait for a lock of somebody else's where a statement may take so long: less, so that the database says that it was
/// a lock. 2 s for the 5 s that are usual.
fn lock_time_out(time_out: Duration) -> Duration {
    time_out * 2 / 5
}

/// The database that a URL names.
pub(super) fn from_url(url: &str) -> Result<Arc<dyn Source>, StartError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        #[cfg(feature = "sqlite")]
        Some("sqlite") => Ok(Arc::new(sqlite::SqliteSource::from_url(url)?)),
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => Ok(Arc::new(postgres::PostgresSource::from_url(url)?)),
        #[cfg(feature = "mysql")]
        Some("mysql" | "mariadb") => Ok(Arc::new(mysql::MySqlSource::from_url(url)?)),
        _ => {
            let known: Vec<_> = SCHEMES.iter().filter_map(|(scheme, is_built)| is_built.then_some(*scheme)).collect();
            Err(StartError::BadUrl(format!("it must begin with one of {}", known.join(", "))))
        }
    }
}

/// The database that the host's connection leads to.
#[cfg_attr(not(feature = "sqlite"), expect(clippy::unused_async, reason = "only SQLite has to be asked"))]
#[allow(clippy::wildcard_enum_match_arm, reason = "which kinds of connection there are depends on features")]
pub(super) async fn of_host(connection: &DatabaseConnection) -> Result<Arc<dyn Source>, StartError> {
    match &connection.inner {
        #[cfg(feature = "sqlite")]
        DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
            Ok(Arc::new(sqlite::SqliteSource::of_host(connection).await?))
        }
        #[cfg(feature = "postgres")]
        DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
            Ok(Arc::new(postgres::PostgresSource::of_host(connection.get_postgres_connection_pool())))
        }
        #[cfg(feature = "mysql")]
        DatabaseConnectionType::SqlxMySqlPoolConnection(_) => {
            Ok(Arc::new(mysql::MySqlSource::of_host(connection.get_mysql_connection_pool())))
        }
        _ => Err(StartError::BadUrl("this build does not support this kind of connection".to_owned())),
    }
}
