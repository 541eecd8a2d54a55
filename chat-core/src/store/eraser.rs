//! Erasing users from what is stored.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    RoomId, Seq, UserId,
    erasure::{Erasure, LogExtent, LogPart},
};

/// What puts another id and name in a user's place. The engine goes through the logs with it, part by part, and each call is one
/// short transaction; to make one again does no harm.
#[async_trait]
pub trait Eraser: Send + Sync {
    /// Records that a user is to be erased. If that is recorded already, it keeps its new id, and becomes one that redacts if this
    /// does. Returns what is recorded then.
    async fn begin(&self, erasure: &Erasure) -> Result<Erasure, StoreError>;

    /// The erasures that are recorded, by user.
    async fn unfinished(&self) -> Result<Vec<Erasure>, StoreError>;

    /// Forgets an erasure that is done. `false`: it was asked for again with another mode, and stays.
    async fn finish(&self, erasure: &Erasure) -> Result<bool, StoreError>;

    /// Where the logs of the rooms after `after` stand, by id, at most `limit`. Deleted rooms are among them until nothing is left
    /// of them.
    async fn logs(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<LogExtent>, StoreError>;

    /// The messages in a part of a log that are the user's, or stand under the new id already, and are not deleted.
    async fn messages_of(&self, erasure: &Erasure, part: LogPart) -> Result<Vec<Seq>, StoreError>;

    /// Puts the new id and [`DELETED_USER`](crate::erasure::DELETED_USER) in the user's place wherever a part of a log has them:
    /// as the author, among the mentioned, and in whatever follows from these events. If the erasure redacts, reasons that the
    /// user gave go. Returns in how many events something changed.
    async fn replace(&self, erasure: &Erasure, part: LogPart) -> Result<u64, StoreError>;

    /// Removes up to `limit` of the user's marks, of what the user wants to be told, and of bans and mutes of the user; returns how
    /// many. Of those that the user made, nobody and no reason is told any more.
    async fn forget_marks(&self, user: &UserId, limit: usize) -> Result<usize, StoreError>;
}
