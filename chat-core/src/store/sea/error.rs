//! What a database's failures mean.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError, sqlx::error::DatabaseError};

use super::connect::Source;
use crate::store::{StoreError, StoreErrorKind};

/// A failure inside the SQL store, with what only the store needs to know of it.
#[derive(Debug, Clone)]
pub(super) struct SqlError {
    /// What the caller is told.
    pub(super) error: StoreError,
    /// A unique key was violated.
    pub(super) is_taken: bool,
    /// The connection can no longer be trusted: it must not be used again.
    pub(super) is_lost: bool,
}

impl SqlError {
    /// An operation that took too long.
    pub(super) fn timed_out(what: &str) -> Self {
        Self::lost(StoreErrorKind::Unavailable, format!("no answer in time: {what}"))
    }

    /// All connections are at work, and as many wait as may, or none became free in time.
    pub(super) fn busy() -> Self {
        Self::kept(StoreErrorKind::Busy, "all connections are in use")
    }

    /// The same where the database has not answered yet: none could be opened.
    pub(super) fn unanswered() -> Self {
        Self::kept(StoreErrorKind::Unavailable, "no connection could be opened in time")
    }

    /// The same failure with the address of the server whose it is; no secret is in it.
    pub(super) fn at(mut self, source: &Source) -> Self {
        if source.is_server() {
            self.error.detail = format!("{}: {}", source.name(), self.error.detail);
        }
        self
    }

    /// What is stored is not what this store writes.
    pub(super) fn corrupt(detail: impl Into<String>) -> Self {
        Self::kept(StoreErrorKind::Failed, detail)
    }

    /// The same failure of a commit: unless the database surely refused it, it may have been stored.
    pub(super) fn of_commit(mut self) -> Self {
        match self.error.kind {
            StoreErrorKind::Conflict | StoreErrorKind::Full => {}
            StoreErrorKind::Busy | StoreErrorKind::Unavailable | StoreErrorKind::Unknown | StoreErrorKind::Failed => {
                self.error.kind = StoreErrorKind::Unknown;
            }
        }
        self.is_lost = true;
        self
    }

    fn kept(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { error: StoreError::new(kind, detail), is_taken: false, is_lost: false }
    }

    fn lost(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { error: StoreError::new(kind, detail), is_taken: false, is_lost: true }
    }
}

impl From<SqlError> for StoreError {
    fn from(fault: SqlError) -> Self {
        fault.error
    }
}

impl From<StoreError> for SqlError {
    fn from(error: StoreError) -> Self {
        Self { error, is_taken: false, is_lost: false }
    }
}

impl From<DbErr> for SqlError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "sea-orm's errors are many; these are the driver's")]
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::from(&SqlxError::PoolTimedOut),
            DbErr::ConnectionAcquire(_) => Self::lost(StoreErrorKind::Unavailable, error.to_string()),
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => Self::from(&**cause),
            _ => Self::corrupt(error.to_string()),
        }
    }
}

impl From<&SqlxError> for SqlError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "sqlx may get new errors; they are defects until known")]
    fn from(error: &SqlxError) -> Self {
        match error {
            SqlxError::Database(cause) => of_database(&**cause),
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => Self::lost(StoreErrorKind::Unavailable, error.to_string()),
            SqlxError::PoolTimedOut => Self::lost(StoreErrorKind::Unavailable, "no connection could be opened in time"),
            _ => Self::corrupt(error.to_string()),
        }
    }
}

fn of_database(cause: &dyn DatabaseError) -> SqlError {
    let (kind, is_lost) = kind_of(cause);
    let detail = match cause.code() {
        Some(code) => format!("{} ({code})", cause.message()),
        None => cause.message().to_owned(),
    };
    SqlError { error: StoreError::new(kind, detail), is_taken: cause.is_unique_violation(), is_lost }
}

/// The kind of a failure that the database itself reported, and whether its connection is lost with it.
fn kind_of(cause: &dyn DatabaseError) -> (StoreErrorKind, bool) {
    #[cfg(feature = "sqlite")]
    if cause.try_downcast_ref::<sea_orm::SqlxSqliteError>().is_some() {
        return of_sqlite(cause.code().and_then(|code| code.parse().ok()).unwrap_or_default());
    }
    #[cfg(feature = "postgres")]
    if cause.try_downcast_ref::<sea_orm::SqlxPostgresError>().is_some() {
        return of_postgres(&cause.code().unwrap_or_default());
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = cause.try_downcast_ref::<sea_orm::SqlxMySqlError>() {
        return of_mysql(error.number(), error.message());
    }
    (StoreErrorKind::Failed, false)
}

/// <https://sqlite.org/rescode.html>. Those marked as lost may have rolled the transaction back by themselves
/// (<https://sqlite.org/lang_transaction.html>), of which the driver knows nothing.
#[cfg(feature = "sqlite")]
fn of_sqlite(code: u32) -> (StoreErrorKind, bool) {
    const BUSY_SNAPSHOT: u32 = 517;
    match (code, code & 0xff) {
        (BUSY_SNAPSHOT, _) => (StoreErrorKind::Conflict, true),
        // NOMEM, INTERRUPT, IOERR.
        (_, 7 | 9 | 10) => (StoreErrorKind::Unavailable, true),
        // PERM, BUSY, LOCKED, READONLY, CANTOPEN, PROTOCOL, AUTH.
        (_, 3 | 5 | 6 | 8 | 14 | 15 | 23) => (StoreErrorKind::Unavailable, false),
        (_, 13) => (StoreErrorKind::Full, true),
        _ => (StoreErrorKind::Failed, false),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
#[cfg(feature = "postgres")]
fn of_postgres(state: &str) -> (StoreErrorKind, bool) {
    match state {
        // Serialization failure, deadlock.
        "40001" | "40P01" => (StoreErrorKind::Conflict, false),
        "53100" => (StoreErrorKind::Full, false),
        // Lock time-out, statement time-out, read-only, not enough rights, no such database.
        "55P03" | "57014" | "25006" | "42501" | "3D000" => (StoreErrorKind::Unavailable, false),
        // Idle in the transaction for too long.
        "25P03" => (StoreErrorKind::Unavailable, true),
        // Connection, authorization, resources, operator intervention, system error.
        _ if ["08", "28", "53", "57", "58"].iter().any(|class| state.starts_with(class)) => {
            (StoreErrorKind::Unavailable, true)
        }
        _ => (StoreErrorKind::Failed, false),
    }
}

/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>
#[cfg(feature = "mysql")]
fn of_mysql(number: u16, message: &str) -> (StoreErrorKind, bool) {
    match number {
        // Deadlock; record changed since it was read.
        1213 | 1020 => (StoreErrorKind::Conflict, false),
        1021 | 1114 => (StoreErrorKind::Full, false),
        // The system's own words for "no space left on device".
        _ if message.contains("rror 28 ") || message.contains("rrno: 28 ") || message.contains("rrcode: 28 ") => {
            (StoreErrorKind::Full, false)
        }
        // Lock, statement and execution time-outs; interrupted; read-only; not enough rights, no such database.
        1205 | 1969 | 3024 | 1317 | 1290 | 1792 | 1836 | 1044 | 1049 | 1142 => (StoreErrorKind::Unavailable, false),
        // Refused, too many connections, out of memory, shutdown, killed, idle for too long, gone.
        1045 | 1698 | 1040 | 1203 | 1037 | 1038 | 1041 | 1053 | 1077 | 1079 | 1080 | 1927 | 2006 | 2013 | 4031 => {
            (StoreErrorKind::Unavailable, true)
        }
        _ => (StoreErrorKind::Failed, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_commit_may_have_been_stored_unless_it_was_surely_refused() {
        let of_commit = |kind| SqlError::lost(kind, "").of_commit().error.kind;
        assert_eq!(of_commit(StoreErrorKind::Unavailable), StoreErrorKind::Unknown);
        assert_eq!(of_commit(StoreErrorKind::Failed), StoreErrorKind::Unknown);
        assert_eq!(of_commit(StoreErrorKind::Full), StoreErrorKind::Full);
        assert_eq!(of_commit(StoreErrorKind::Conflict), StoreErrorKind::Conflict);
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn sqlite_codes_are_read_with_their_extensions() {
        assert_eq!(of_sqlite(5), (StoreErrorKind::Unavailable, false));
        assert_eq!(of_sqlite(517), (StoreErrorKind::Conflict, true));
        assert_eq!(of_sqlite(13), (StoreErrorKind::Full, true));
        assert_eq!(of_sqlite(10 | (3 << 8)), (StoreErrorKind::Unavailable, true));
        assert_eq!(of_sqlite(26), (StoreErrorKind::Failed, false));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_states_are_read_by_class() {
        assert_eq!(of_postgres("40P01"), (StoreErrorKind::Conflict, false));
        assert_eq!(of_postgres("53100"), (StoreErrorKind::Full, false));
        assert_eq!(of_postgres("57P01"), (StoreErrorKind::Unavailable, true));
        assert_eq!(of_postgres("55P03"), (StoreErrorKind::Unavailable, false));
        assert_eq!(of_postgres("42601"), (StoreErrorKind::Failed, false));
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn mysql_numbers_and_a_full_disk_are_told() {
        assert_eq!(of_mysql(1213, ""), (StoreErrorKind::Conflict, false));
        assert_eq!(of_mysql(1114, ""), (StoreErrorKind::Full, false));
        let full = r#"Got error 28 "No space left on device" from storage engine InnoDB"#;
        assert_eq!(of_mysql(1030, full), (StoreErrorKind::Full, false));
        assert_eq!(of_mysql(1205, ""), (StoreErrorKind::Unavailable, false));
        assert_eq!(of_mysql(1064, ""), (StoreErrorKind::Failed, false));
    }
}
