//! How far the consumers of what happens in all rooms are, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    consumer::{ConsumerState, DeadLetter, MOST_DEAD_LETTERS},
    store::{Consumers, StoreError},
};

#[async_trait]
impl Consumers for MemoryStore {
    async fn consumer(&self, name: &str) -> Result<Option<ConsumerState>, StoreError> {
        Ok(self.log().consumers.get(name).map(|(state, _)| state.clone()))
    }

    async fn consumers(&self) -> Result<Vec<(String, ConsumerState)>, StoreError> {
        let log = self.log();
        Ok(log.consumers.iter().map(|(name, (state, _))| (name.clone(), state.clone())).collect())
    }

    async fn save(&self, name: &str, state: &ConsumerState, dead: &[DeadLetter]) -> Result<bool, StoreError> {
        let mut log = self.log();
        let saves = log.consumers.get(name).map_or(0, |(state, _)| state.saves);
        if saves + 1 != state.saves {
            return Ok(false);
        }
        let (stored, letters) = log.consumers.entry(name.to_owned()).or_default();
        *stored = state.clone();
        letters.extend_from_slice(dead);
        letters.retain(|letter| letter.number + MOST_DEAD_LETTERS > state.dead_letters);
        Ok(true)
    }

    async fn dead_letters(&self, name: &str, before: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let log = self.log();
        let letters = log.consumers.get(name).into_iter().flat_map(|(_, letters)| letters.iter().rev());
        let earlier = letters.filter(|letter| before.is_none_or(|before| letter.number < before));
        Ok(earlier.take(limit).cloned().collect())
    }
}
