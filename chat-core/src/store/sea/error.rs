//! What a database's failures mean.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError, sqlx::error::DatabaseError};

use super::{connect::Source, dialect};
use crate::{
    StartError,
    store::{StoreError, StoreErrorKind},
};

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
    pub(super) fn at(mut self, source: &dyn Source) -> Self {
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

/// What keeps an engine from starting may pass by itself.
impl From<SqlError> for StartError {
    fn from(error: SqlError) -> Self {
        Self::Unavailable(error.error.detail)
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
    let dialect::Meaning { kind, is_lost } = dialect::meaning_of(cause);
    let detail = match cause.code() {
        Some(code) => format!("{} ({code})", cause.message()),
        None => cause.message().to_owned(),
    };
    SqlError { error: StoreError::new(kind, detail), is_taken: cause.is_unique_violation(), is_lost }
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
}
