//! How far the consumers of what happens in all rooms are.

use async_trait::async_trait;

use super::StoreError;
use crate::consumer::{ConsumerState, DeadLetter};

/// Keeps how far each consumer is, and what was given up: places only, never what was said.
#[async_trait]
pub trait Consumers: Send + Sync {
    /// How far a consumer is; `None` if nothing is known of it.
    async fn consumer(&self, name: &str) -> Result<Option<ConsumerState>, StoreError>;

    /// All there are, by name.
    async fn consumers(&self) -> Result<Vec<(String, ConsumerState)>, StoreError>;

    /// Stores, in one transaction, how far a consumer is now, in place of what was stored with one save less, and what was given
    /// up. `false`, with nothing stored, if that is not there: somebody else does the same. Of the dead letters, the newest
    /// [so many](crate::consumer::MOST_DEAD_LETTERS) stay.
    async fn save(&self, name: &str, state: &ConsumerState, dead: &[DeadLetter]) -> Result<bool, StoreError>;

    /// What was given up, the newest first, from before the number `before` on; at most `limit`.
    async fn dead_letters(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;
}
