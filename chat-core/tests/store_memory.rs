//! The store in memory holds to the contract.
#![cfg(feature = "test-util")]

use std::sync::Arc;

use chat_core::{
    Epoch,
    store::{MemoryStore, Store},
    store_contract,
    testing::store_contract::Opener,
};

struct Memory(Arc<MemoryStore>);

#[async_trait::async_trait]
impl Opener for Memory {
    async fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

async fn make() -> Memory {
    Memory(Arc::new(MemoryStore::new(Epoch::new("memory"))))
}

store_contract!(make);
