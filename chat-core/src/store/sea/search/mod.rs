//! Searching messages in SQL, without anything that only some databases have.
//!
//! `chat_terms` has a row for each [block](crate::search::postings) of the messages that have a term.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    SeaStore,
    pool::Checkout,
    run::{Write, in_snapshot},
};
use crate::{
    RoomId,
    search::{SearchPage, SearchQuery, Unindexed},
    store::{Searcher, StoreError, Viewer},
};

mod blocks;
mod candidates;
mod find;
mod index;

pub(super) use index::{follow, forget};

#[async_trait]
impl Searcher for SeaStore {
    async fn unindexed(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Unindexed>, StoreError> {
        let reading =
            move |checkout: Arc<Checkout>| async move { index::unindexed(&checkout.run(), after, limit).await };
        Ok(self.readers.read(reading).await?)
    }

    async fn index(&self, room: RoomId) -> Result<u64, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let indexed = index::step(&write.run(), room).await;
        Ok(write.end(indexed).await?)
    }

    async fn search(&self, query: &SearchQuery, viewer: &Viewer) -> Result<SearchPage, StoreError> {
        let (query, viewer) = (query.clone(), viewer.clone());
        in_snapshot!(self.searchers, |run| find::search(run, &query, &viewer))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
