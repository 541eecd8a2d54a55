//! Messages that wait in transactions of the host's, and behind them.

use std::any::Any;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    Error, RoomId,
    erasure::Erasure,
    outbox::{InOutbox, OutboxEntry, OutboxFailure, OutboxId, Waiting},
};

/// A transaction of the host's on the database that a store is in. With one of the database features,
/// `sea_orm::DatabaseTransaction` is one.
pub trait HostTransaction: Send + Sync {
    /// The transaction itself, for the store that knows its type.
    fn as_any(&self) -> &dyn Any;
}

/// The outbox: messages that are written with a host's transaction, and taken into the logs when it is committed.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Queues a message in this transaction, if it could be sent now. Inside, `Err`: why it could not; then nothing of it is in
    /// the transaction.
    async fn queue(
        &self,
        within: &dyn HostTransaction,
        entry: &OutboxEntry,
    ) -> Result<Result<InOutbox, Error>, StoreError>;

    /// Messages that wait and whose transactions are committed, in the order in which they were queued; at most `limit`. Not among
    /// them are those of the rooms `except`, and those of a room in which one has failed because its
    /// [key is missing](crate::outbox::Unreadable::KeyMissing).
    async fn waiting(&self, except: &[RoomId], limit: usize) -> Result<Vec<Waiting>, StoreError>;

    /// These are in the logs: they wait no more.
    async fn taken(&self, ids: &[OutboxId]) -> Result<(), StoreError>;

    /// This one cannot be sent, for the reason with this code: it stays, and does not wait any more.
    async fn failed(&self, id: OutboxId, code: &str) -> Result<(), StoreError>;

    /// Those that could not be sent, the oldest first; at most `limit`.
    async fn failures(&self, limit: usize) -> Result<Vec<OutboxFailure>, StoreError>;

    /// Removes one that could not be sent. Returns whether there was one.
    async fn forget(&self, id: OutboxId) -> Result<bool, StoreError>;

    /// Puts the new id in the place of an erased user's, in all messages; those of a user whose messages are deleted go.
    async fn replace(&self, erasure: &Erasure) -> Result<(), StoreError>;
}
