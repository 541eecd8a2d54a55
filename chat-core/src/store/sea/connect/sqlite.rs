//! Connections to SQLite.

use std::{
    fmt::Display,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{
    DatabaseConnection, SqlxSqliteConnector,
    sqlx::{
        self, ConnectOptions, Connection,
        sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

use super::{
    super::{
        auto_commit::AutoCommit,
        dialect::{Dialect, sqlite::Sqlite},
        error::SqlError,
        files, pool,
        run::{Run, STATEMENT_TIMEOUT},
        sealing::Sealing,
    },
    Source, beside, lock_time_out,
};
use crate::{StartError, store::StoreErrorKind};

/// The first version without a bug that can corrupt a database in WAL mode (<https://sqlite.org/wal.html#walresetbug>).
/// The bound on `libsqlite3-sys` in `Cargo.toml` brings it.
const LEAST_VERSION: &str = "3.51.3";
/// How often a database that is locked is opened again before it is given up.
const OPEN_TRIES: usize = 20;
/// How long to wait in between.
const OPEN_INTERVAL: Duration = Duration::from_millis(100);
/// The parameter of a URL that lets a file hold tables of others.
const OTHER_TABLES: &str = "other_tables";
/// How every SQLite database begins.
const HEADER: &[u8] = b"SQLite format 3\0";

/// Where an SQLite database is, and how it is opened.
#[derive(Debug)]
pub(super) struct SqliteSource {
    /// But for what would change a file that is only looked at: WAL.
    options: SqliteConnectOptions,
    file: Option<PathBuf>,
    may_create: bool,
    /// Somebody has said that it may hold tables which are not ours: its settings are theirs, too.
    is_shared: bool,
    /// The host has connections to it.
    is_open: bool,
}

impl SqliteSource {
    pub(super) fn from_url(url: &str) -> Result<Self, StartError> {
        let (url, is_shared) = without_own_parameter(url)?;
        let options: SqliteConnectOptions = url.parse().map_err(|error| StartError::BadUrl(format!("{error}")))?;
        // The driver's options do not tell their mode.
        let (name, query) = url.split_once('?').unwrap_or((&url, ""));
        let has = |pair| query.split('&').any(|given| given == pair);
        if has("mode=ro") || has("immutable=1") || has("immutable=true") {
            let path = options.get_filename().display();
            return Err(StartError::Unavailable(format!(
                "{path} is opened read-only by its URL, but has to be written"
            )));
        }
        let is_memory = name.ends_with(":memory:") || has("mode=memory");
        Ok(Self { may_create: has("mode=rwc"), is_shared, ..Self::new(options, is_memory) })
    }

    pub(super) async fn of_host(connection: &DatabaseConnection) -> Result<Self, StartError> {
        // Only a database in memory has no file.
        let run = Run { on: connection, dialect: &Sqlite, sealing: &Sealing::default(), time_out: STATEMENT_TIMEOUT };
        let row = run.query_one("SELECT file FROM pragma_database_list WHERE name = 'main'", Vec::new()).await?;
        let file: Option<String> = row.and_then(|row| row.try_get_by_index(0).ok()).flatten();
        let options = (*connection.get_sqlite_connection_pool().connect_options()).clone();
        let is_memory = file.is_none_or(|file| file.is_empty());
        Ok(Self { is_shared: true, is_open: true, ..Self::new(options, is_memory) })
    }

    fn new(given: SqliteConnectOptions, is_memory: bool) -> Self {
        let file = (!is_memory).then(|| given.get_filename().to_owned());
        let options = given
            .foreign_keys(true)
            .busy_timeout(lock_time_out(STATEMENT_TIMEOUT))
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "1000")
            // What is removed is written over with zeros, and is in no temporary file either.
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            .statement_cache_capacity(512)
            .disable_statement_logging();
        Self { options, file, may_create: false, is_shared: false, is_open: false }
    }

    fn look_around(&self, path: &Path) -> Result<(), StartError> {
        let shown = path.display();
        if path.is_symlink() {
            return Err(StartError::Unavailable(format!(
                "{shown} is a link to a file that does not exist: name the file itself to have it created"
            )));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        if !parent.is_dir() {
            return Err(StartError::Unavailable(format!("the folder {} does not exist", parent.display())));
        }
        if !self.may_create {
            return Err(StartError::Unavailable(format!(
                "there is no file {shown}; add ?mode=rwc to the URL to have it created"
            )));
        }
        Ok(())
    }
}

#[async_trait]
impl Source for SqliteSource {
    fn dialect(&self) -> &'static dyn Dialect {
        &Sqlite
    }

    fn name(&self) -> String {
        self.options.get_filename().display().to_string()
    }

    /// `size` connections; a database in memory has one, which lives as long as the engine.
    fn connections(&self, size: u32, time_out: Duration) -> DatabaseConnection {
        let options = self.options.clone().busy_timeout(lock_time_out(time_out));
        let (pool, options) = match self.file {
            Some(_) => (pool::options(size), options.journal_mode(SqliteJournalMode::Wal)),
            None => (pool::options(1).min_connections(1), options),
        };
        let pool = pool.idle_timeout(None).max_lifetime(None);
        SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(options))
    }

    /// There is nobody to visit.
    async fn visit(&self) -> Result<(), sqlx::Error> {
        Ok(())
    }

    async fn check(&self, run: &Run<'_, AutoCommit>) -> Result<(), StartError> {
        let mut row = run.query_one("SELECT sqlite_version()", Vec::new()).await;
        for _ in 0..OPEN_TRIES {
            // Another process that turns WAL on holds a lock that is not waited for.
            if !row.as_ref().is_err_and(|error| error.error.kind == StoreErrorKind::Unavailable) {
                break;
            }
            tokio::time::sleep(OPEN_INTERVAL).await;
            row = run.query_one("SELECT sqlite_version()", Vec::new()).await;
        }
        let version: String = row?.and_then(|row| row.try_get_by_index(0).ok()).unwrap_or_default();
        look_at_version(version)
    }

    fn is_server(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn is_replaceable(&self) -> bool {
        self.file.is_some()
    }

    /// A database in memory has one connection for all.
    fn keeps_connections(&self) -> bool {
        self.file.is_some()
    }

    fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Looks whether the file can be opened, without opening it.
    fn look(&self) -> Result<(), StartError> {
        let Some(path) = &self.file else { return Ok(()) };
        let shown = path.display();
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => {
                return Err(StartError::Unusable(format!("{shown} is not a file")));
            }
            Ok(metadata) if metadata.permissions().readonly() => {
                return Err(StartError::Unavailable(format!("{shown} is read-only, but has to be written")));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => self.look_around(path)?,
            Err(error) => return Err(StartError::Unavailable(format!("{shown}: {error}"))),
        }
        beside::look(path)
    }

    /// Looks whether the file is a database, touching nothing. That this ends whatever locks this process has on the file
    /// is a trap of the system's: the caller sees to it that it has none. (A host that is connected has looked already.)
    fn look_at_content(&self) -> Result<(), StartError> {
        let Some(path) = self.file.as_ref().filter(|path| !self.is_open && path.exists()) else { return Ok(()) };
        let shown = path.display();
        // Opening for writing changes nothing by itself.
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|error| StartError::Unavailable(format!("{shown}: {error}")))?;
        if length > 0 && !begins_as_database(&file) {
            return Err(StartError::Unusable(format!("{shown} is not an SQLite database")));
        }
        Ok(())
    }

    fn look_inside(&self) -> Option<DatabaseConnection> {
        let is_empty = |path: &Path| path.metadata().map_or(true, |metadata| metadata.len() == 0);
        if self.file().is_none_or(is_empty) {
            return None;
        }
        let pool = pool::options(1).connect_lazy_with(self.options.clone());
        Some(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
    }

    /// Makes the file if it is missing, and keeps it from the eyes of others. Where others have tables in it, its mode is
    /// their business.
    async fn prepare(&self) -> Result<(), StartError> {
        let Some(path) = &self.file else { return Ok(()) };
        let cannot =
            |error: &dyn Display| StartError::Unavailable(format!("{} cannot be made: {error}", path.display()));
        if !path.exists() {
            files::create(path).map_err(|error| cannot(&error))?;
        } else if !self.is_shared {
            beside::make_private(path);
        }
        if path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            return Ok(());
        }
        // Only a file that is empty can be made so that pages which are free again leave it.
        let options =
            self.options.clone().auto_vacuum(SqliteAutoVacuum::Incremental).journal_mode(SqliteJournalMode::Wal);
        let made = async { options.connect().await?.close().await };
        made.await.map_err(|error| StartError::from(SqlError::from(&error)))
    }
}

/// The URL as the driver takes it, and whether it says that other tables are welcome.
fn without_own_parameter(url: &str) -> Result<(String, bool), StartError> {
    let Some((name, query)) = url.split_once('?') else { return Ok((url.to_owned(), false)) };
    let (own, others): (Vec<_>, Vec<_>) =
        query.split('&').partition(|pair| pair.split('=').next() == Some(OTHER_TABLES));
    let allow = format!("{OTHER_TABLES}=allow");
    if own.iter().any(|pair| *pair != allow) {
        return Err(StartError::BadUrl(format!("{OTHER_TABLES} can only be allow")));
    }
    let url = if others.is_empty() { name.to_owned() } else { format!("{name}?{}", others.join("&")) };
    Ok((url, !own.is_empty()))
}

fn begins_as_database(mut file: &File) -> bool {
    let mut start = [0; HEADER.len()];
    file.read_exact(&mut start).is_ok() && start == HEADER
}

fn look_at_version(found: String) -> Result<(), StartError> {
    if parsed(&found) < parsed(LEAST_VERSION) {
        return Err(StartError::DriverTooOld { found, needed: LEAST_VERSION });
    }
    Ok(())
}

fn parsed(version: &str) -> (u32, u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_parameter_does_not_reach_the_driver() {
        let parsed = |url| without_own_parameter(url).unwrap();
        assert_eq!(parsed("sqlite://a.db"), ("sqlite://a.db".to_owned(), false));
        assert_eq!(parsed("sqlite://a.db?mode=rw"), ("sqlite://a.db?mode=rw".to_owned(), false));
        assert_eq!(parsed("sqlite://a.db?other_tables=allow"), ("sqlite://a.db".to_owned(), true));
        let between = "sqlite://a.db?mode=rwc&other_tables=allow&cache=private";
        assert_eq!(parsed(between), ("sqlite://a.db?mode=rwc&cache=private".to_owned(), true));
        for url in ["sqlite://a.db?other_tables", "sqlite://a.db?other_tables=yes"] {
            assert!(matches!(without_own_parameter(url), Err(StartError::BadUrl(_))), "{url}");
        }
    }

    #[test]
    fn an_old_driver_is_refused_by_number() {
        for version in ["3.51.3", "3.51.10", "3.100.0", "4"] {
            assert!(look_at_version(version.to_owned()).is_ok(), "{version}");
        }
        for version in ["3.46.0", "3.51.2", "3.6.10", "2.100.100", ""] {
            let refused = look_at_version(version.to_owned()).unwrap_err();
            let is_typed = matches!(&refused, StartError::DriverTooOld { found, needed: "3.51.3" } if found == version);
            assert!(is_typed, "{refused:?}");
        }
    }
}
