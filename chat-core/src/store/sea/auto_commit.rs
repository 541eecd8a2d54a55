//! Statements that stand each by itself, as a connection runs them.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

#[cfg(feature = "sqlite")]
use super::few_trips::FewTrips;

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

#[async_trait]
impl ConnectionTrait for AutoCommit {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Pooled(on) => on.get_database_backend(),
            #[cfg(feature = "sqlite")]
            Self::FewTrips(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Pooled(on) => on.execute_raw(statement).await,
            #[cfg(feature = "sqlite")]
            Self::FewTrips(on) => on.execute(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Pooled(on) => on.execute_unprepared(sql).await,
            #[cfg(feature = "sqlite")]
            Self::FewTrips(on) => on.execute(Statement::from_string(DbBackend::Sqlite, sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Pooled(on) => on.query_all_raw(statement).await,
            #[cfg(feature = "sqlite")]
            Self::FewTrips(on) => on.query(statement).await,
        }
    }
}
