//! What hosts queue, by a store with a bug around it.

use std::sync::PoisonError;

use async_trait::async_trait;

use super::{Bug, MutatedStore};
use crate::{
    Error, RoomId,
    erasure::Erasure,
    outbox::{InOutbox, OutboxEntry, OutboxFailure, OutboxId, Waiting},
    store::{HostTransaction, Outbox, StoreError, StoreErrorKind},
};

#[async_trait]
impl Outbox for MutatedStore {
    async fn queue(
        &self,
        within: &dyn HostTransaction,
        entry: &OutboxEntry,
    ) -> Result<Result<InOutbox, Error>, StoreError> {
        if self.bug() == Some(Bug::OutboxBeforeCommit) {
            self.queued.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        }
        self.outbox_within()?.queue(within, entry).await
    }

    async fn waiting(&self, except: &[RoomId], limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let mut waiting = self.outbox_within()?.waiting(except, limit).await?;
        match self.bug() {
            Some(Bug::OutboxOutOfOrder) => waiting.reverse(),
            Some(Bug::OutboxForgets) => {
                let (forgotten, rest): (Vec<_>, Vec<_>) =
                    waiting.into_iter().partition(|waiting| waiting.id.0 % ONE_IN == 0);
                let ids: Vec<_> = forgotten.into_iter().map(|waiting| waiting.id).collect();
                self.outbox_within()?.taken(&ids).await?;
                waiting = rest;
            }
            Some(Bug::OutboxBeforeCommit) => {
                let queued = std::mem::take(&mut *self.queued.lock().unwrap_or_else(PoisonError::into_inner));
                // None has such a number.
                let waits = |entry| Waiting { id: OutboxId(0), entry, unreadable: None };
                waiting.extend(queued.into_iter().map(waits));
            }
            _ => {}
        }
        Ok(waiting)
    }

    async fn taken(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.outbox_within()?.taken(ids).await
    }

    async fn failed(&self, id: OutboxId, code: &str) -> Result<(), StoreError> {
        self.outbox_within()?.failed(id, code).await
    }

    async fn failures(&self, limit: usize) -> Result<Vec<OutboxFailure>, StoreError> {
        self.outbox_within()?.failures(limit).await
    }

    async fn forget(&self, id: OutboxId) -> Result<bool, StoreError> {
        self.outbox_within()?.forget(id).await
    }

    async fn replace(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.outbox_within()?.replace(erasure).await
    }
}

impl MutatedStore {
    /// The outbox of the store itself. Nobody asks for it where there is none.
    fn outbox_within(&self) -> Result<&dyn Outbox, StoreError> {
        self.within().outbox().ok_or_else(|| StoreError::new(StoreErrorKind::Failed, "no outbox"))
    }
}

const ONE_IN: u64 = 7;
