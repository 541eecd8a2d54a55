//! Statements that stand each by itself, as a connection runs them.

use sea_orm::DatabaseConnection;

#[cfg(feature = "sqlite")]
use super::few_trips::FewTrips;
use super::transaction::runs_on_each;

/// A connection for statements that stand each by itself.
#[derive(Debug)]
pub(super) enum AutoCommit {
    /// One of a pool's, for each anew.
    Pooled(DatabaseConnection),
    /// One of SQLite's, which is kept.
    #[cfg(feature = "sqlite")]
    FewTrips(FewTrips),
}

impl AutoCommit {
    /// Lets others have the connection until the next statement.
    pub(super) fn let_go(&self) {
        match self {
            Self::Pooled(_) => {}
            #[cfg(feature = "sqlite")]
            Self::FewTrips(on) => on.let_go(),
        }
    }
}

runs_on_each!(AutoCommit, [Pooled]);
