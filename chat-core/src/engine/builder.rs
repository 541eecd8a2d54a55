//! How an engine is put together.

use std::sync::Arc;

use crate::{ChatEngine, Clock, Limits, Policy, StartError, store::Store};

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

impl Database {
    pub(crate) fn open_with<F, Fut>(_open: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Arc<dyn Store>, StartError>> + Send + 'static,
    {
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
