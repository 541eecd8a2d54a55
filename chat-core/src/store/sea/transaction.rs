//! Transactions, as statements run in them.

#[cfg(feature = "sqlite")]
use sea_orm::QueryResult;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Statement};

use super::error::SqlError;
#[cfg(feature = "sqlite")]
use super::few_trips::FewTrips;

/// A transaction that is open. Dropped, it is rolled back, unless it is the host's.
#[derive(Debug)]
pub(super) enum OpenTransaction<'h> {
    /// Ours.
    Ours(DatabaseTransaction),
    /// One of the host's, which commits it.
    OfHost(&'h DatabaseTransaction),
    /// Ours, on SQLite.
    #[cfg(feature = "sqlite")]
    FewTrips(FewTrips),
}

impl OpenTransaction<'_> {
    /// Runs a statement for whose outcome nobody waits: at the latest when the transaction commits. If it fails, what comes next
    /// in the transaction fails.
    pub(super) async fn execute_later(&self, statement: Statement) -> Result<(), DbErr> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::FewTrips(transaction) => {
                transaction.execute_later(statement);
                Ok(())
            }
            Self::Ours(on) => on.execute_raw(statement).await.map(drop),
            Self::OfHost(on) => on.execute_raw(statement).await.map(drop),
        }
    }

    /// The rows of two queries, the second of which does not need the first one's.
    #[cfg(feature = "sqlite")]
    pub(super) async fn query_both(&self, one: Statement, two: Statement) -> Result<[Vec<QueryResult>; 2], DbErr> {
        match self {
            Self::FewTrips(transaction) => transaction.query_both(one, two).await,
            Self::Ours(_) | Self::OfHost(_) => Ok([self.query_all_raw(one).await?, self.query_all_raw(two).await?]),
        }
    }
}

impl OpenTransaction<'static> {
    /// Commits.
    pub(super) async fn commit(self) -> Result<(), SqlError> {
        match self {
            Self::Ours(transaction) => transaction.commit().await.map_err(|error| SqlError::from(error).of_commit()),
            // Nobody has asked for that.
            Self::OfHost(_) => Ok(()),
            #[cfg(feature = "sqlite")]
            Self::FewTrips(transaction) => transaction.commit().await.map_err(|failure| {
                let error = SqlError::from(failure.error);
                if failure.was_refused { error } else { error.of_commit() }
            }),
        }
    }
}

/// Implements [`ConnectionTrait`] for an enum of connections with these variants, and `FewTrips` where there is SQLite: a statement
/// runs on whichever it is.
macro_rules! runs_on_each {
    ($connections:ty, [$($variant:ident),+]) => {
        #[async_trait::async_trait]
        impl sea_orm::ConnectionTrait for $connections {
            fn get_database_backend(&self) -> sea_orm::DbBackend {
                match self {
                    $(Self::$variant(on) => on.get_database_backend(),)+
                    #[cfg(feature = "sqlite")]
                    Self::FewTrips(on) => on.get_database_backend(),
                }
            }

            async fn execute_raw(&self, statement: sea_orm::Statement) -> Result<sea_orm::ExecResult, sea_orm::DbErr> {
                match self {
                    $(Self::$variant(on) => on.execute_raw(statement).await,)+
                    #[cfg(feature = "sqlite")]
                    Self::FewTrips(on) => on.execute_raw(statement).await,
                }
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<sea_orm::ExecResult, sea_orm::DbErr> {
                match self {
                    $(Self::$variant(on) => on.execute_unprepared(sql).await,)+
                    #[cfg(feature = "sqlite")]
                    Self::FewTrips(on) => on.execute_unprepared(sql).await,
                }
            }

            async fn query_one_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> Result<Option<sea_orm::QueryResult>, sea_orm::DbErr> {
                Ok(self.query_all_raw(statement).await?.into_iter().next())
            }

            async fn query_all_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> Result<Vec<sea_orm::QueryResult>, sea_orm::DbErr> {
                match self {
                    $(Self::$variant(on) => on.query_all_raw(statement).await,)+
                    #[cfg(feature = "sqlite")]
                    Self::FewTrips(on) => on.query_all_raw(statement).await,
                }
            }
        }
    };
}
pub(super) use runs_on_each;

runs_on_each!(OpenTransaction<'_>, [Ours, OfHost]);
