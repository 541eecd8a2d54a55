//! How an engine is put together.

use std::sync::Arc;

use crate::{ChatEngine, Clock, Limits, Policy, store::Store};

/// Where an engine keeps its logs.
///
/// From a URL (`sqlite://chat.db?mode=rwc`, `postgres://…`, `mysql://…`), from a connection that the host already owns
/// (`sea_orm::DatabaseConnection`, with one of the database features), in memory, or a [`Store`] of your own.
#[derive(Debug)]
pub struct Database(());

impl Database {
    /// In memory: gone with the engine. For tests and demonstrations.
    #[must_use]
    pub fn memory() -> Self {
        todo!()
    }

    /// A store of your own.
    #[must_use]
    pub fn store(_store: Arc<dyn Store>) -> Self {
        todo!()
    }
}

impl From<&str> for Database {
    fn from(_url: &str) -> Self {
        todo!()
    }
}

/// Puts an engine together; see [`ChatEngine::builder`].
#[derive(Debug)]
pub struct Builder(());

impl Builder {
    /// Where the logs are kept. Default: [`Database::memory`].
    #[must_use]
    pub fn database(self, _database: impl Into<Database>) -> Self {
        todo!()
    }

    /// The numbers to hold to. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(self, _limits: Limits) -> Self {
        todo!()
    }

    /// The clock. Default: the machine's.
    #[must_use]
    pub fn clock(self, _clock: impl Clock) -> Self {
        todo!()
    }

    /// Who may do what. Default: everyone everything.
    #[must_use]
    pub fn policy(self, _policy: impl Policy) -> Self {
        todo!()
    }

    /// Opens the database, migrates it, and starts.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn build(self) -> Result<ChatEngine, StartError> {
        todo!()
    }
}

/// Why an engine could not start. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The URL names no database this build can use.
    #[error("cannot use the database URL: {0}")]
    BadUrl(String),
    /// Another process (or engine) holds the database.
    #[error("{0}")]
    InUse(String),
    /// The database cannot be opened or reached.
    #[error("cannot open the database: {0}")]
    Unavailable(String),
    /// The database was opened, but is not one of ours or cannot be brought to this version's schema.
    #[error("cannot use the database: {0}")]
    Unusable(String),
}
