//! From a URL, or from a connection that the host owns, to connections of the engine's own: its settings belong to a
//! connection, and its writes must not wait for the host's.

use std::{path::Path, sync::Arc};

use sea_orm::{DatabaseConnection, DatabaseConnectionType};

use super::{dialect::Dialect, error::SqlError, pool::Pool};
use crate::{StartError, store::StoreError};

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

#[cfg(feature = "mysql")]
pub(super) use mysql::is_mariadb;

/// How URLs may begin, and whether this build has what they ask for.
const SCHEMES: [(&str, bool); 3] = [
    ("sqlite:", cfg!(feature = "sqlite")),
    ("postgres:", cfg!(feature = "postgres")),
    ("mysql:", cfg!(feature = "mysql")),
];

/// Where connections come from.
#[derive(Debug)]
pub(super) enum Source {
    /// An SQLite database.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
    /// A PostgreSQL database.
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
    /// A MySQL or MariaDB database.
    #[cfg(feature = "mysql")]
    MySql(mysql::MySql),
}

impl Source {
    /// The database that a URL names.
    pub(super) fn from_url(url: &str) -> Result<Self, StartError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            #[cfg(feature = "sqlite")]
            Some("sqlite") => sqlite::Sqlite::from_url(url).map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => postgres::Postgres::from_url(url).map(Self::Postgres),
            #[cfg(feature = "mysql")]
            Some("mysql" | "mariadb") => mysql::MySql::from_url(url).map(Self::MySql),
            _ => {
                let known: Vec<_> =
                    SCHEMES.iter().filter_map(|(scheme, is_built)| is_built.then_some(*scheme)).collect();
                Err(StartError::BadUrl(format!("it must begin with one of {}", known.join(", "))))
            }
        }
    }

    /// The database that the host's connection leads to.
    #[cfg_attr(not(feature = "sqlite"), expect(clippy::unused_async, reason = "only SQLite has to be asked"))]
    #[allow(clippy::wildcard_enum_match_arm, reason = "which kinds of connection there are depends on features")]
    pub(super) async fn of(connection: &DatabaseConnection) -> Result<Self, StartError> {
        match &connection.inner {
            #[cfg(feature = "sqlite")]
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                sqlite::Sqlite::of(connection).await.map(Self::Sqlite)
            }
            #[cfg(feature = "postgres")]
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                Ok(Self::Postgres(postgres::Postgres::of(connection.get_postgres_connection_pool())))
            }
            #[cfg(feature = "mysql")]
            DatabaseConnectionType::SqlxMySqlPoolConnection(_) => {
                Ok(Self::MySql(mysql::MySql::of(connection.get_mysql_connection_pool())))
            }
            _ => Err(StartError::BadUrl("this build does not support this kind of connection".to_owned())),
        }
    }

    /// Looks whether the database can be opened at all, without opening it.
    pub(super) fn look(&self) -> Result<(), StartError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.look(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Ok(()),
        }
    }

    /// Looks whether a file is a database, touching nothing; ends the locks that this process has on it.
    pub(super) fn look_at_content(&self) -> Result<(), StartError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.look_at_content(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Ok(()),
        }
    }

    /// Makes a file that is missing, and keeps it from the eyes of others.
    #[cfg_attr(not(feature = "sqlite"), expect(clippy::unused_async, reason = "only SQLite has a file"))]
    pub(super) async fn prepare(&self) -> Result<(), StartError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.prepare().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Ok(()),
        }
    }

    /// Looks into a database that is a file, touching nothing. A server refuses by itself what it does not want.
    #[cfg_attr(not(feature = "sqlite"), expect(clippy::unused_async, reason = "only SQLite has to be asked"))]
    pub(super) async fn look_inside(&self) -> Result<(), StartError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.look_inside().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Ok(()),
        }
    }

    /// Connects for the first time, and checks the server's version and whether it keeps what it has committed.
    pub(super) async fn check(&self, pool: &Arc<Pool>) -> Result<(), StartError> {
        let checkout = pool.checkout().await.map_err(|fault| StartError::Unavailable(fault.error.detail))?;
        let connection = checkout.connection();
        let checked = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => sqlite::check(connection).await?,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => postgres::check(connection).await,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => mysql::check(connection).await,
        };
        checked.map_err(|fault: SqlError| StartError::Unavailable(fault.error.detail))
    }

    /// Connects to a server once. If that is not possible, the error has its address and the reason.
    pub(super) async fn reach(&self) -> Result<(), StoreError> {
        reach::reach(self).await
    }

    /// Up to `size` connections, made when they are needed.
    pub(super) fn connections(&self, size: u32) -> DatabaseConnection {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.connections(size),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.connections(size),
            #[cfg(feature = "mysql")]
            Self::MySql(mysql) => mysql.connections(size),
        }
    }

    /// What is spoken there.
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Whether connections may be closed and made anew: with the last one, a database in memory would be gone.
    pub(super) fn is_replaceable(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.file().is_some(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => true,
        }
    }

    /// The file, where the database is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.file(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => None,
        }
    }

    /// Whether there is a server behind it.
    pub(super) const fn is_server(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => true,
        }
    }

    /// Whether it may hold tables that are not ours: on a server, and where somebody has said so.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) const fn is_shared(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.is_shared(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => true,
        }
    }

    /// What to call it in a message; no secret is in it.
    pub(super) fn name(&self) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.name(),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.name(),
            #[cfg(feature = "mysql")]
            Self::MySql(mysql) => mysql.name(),
        }
    }
}
