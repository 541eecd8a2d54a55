//! How far the consumers of what happens in all rooms are, by a store that fails as told.

use async_trait::async_trait;

use super::{FaultyStore, StoreCall};
use crate::{
    consumer::{ConsumerState, DeadLetter},
    store::{Consumers, StoreError},
};

#[async_trait]
impl Consumers for FaultyStore {
    async fn consumer(&self, name: &str) -> Result<Option<ConsumerState>, StoreError> {
        self.run(StoreCall::ReadConsumer, self.inner().consumers().consumer(name)).await
    }

    async fn consumers(&self) -> Result<Vec<(String, ConsumerState)>, StoreError> {
        self.run(StoreCall::ReadConsumer, self.inner().consumers().consumers()).await
    }

    async fn save(&self, name: &str, state: &ConsumerState, dead: &[DeadLetter]) -> Result<bool, StoreError> {
        self.run(StoreCall::SaveConsumer, self.inner().consumers().save(name, state, dead)).await
    }

    async fn dead_letters(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.run(StoreCall::ReadConsumer, self.inner().consumers().dead_letters(name, before, limit)).await
    }
}
