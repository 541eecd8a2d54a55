//! Erasing users from a store that fails as told.

use async_trait::async_trait;

use super::{FaultyStore, StoreCall};
use crate::{
    RoomId, Seq, UserId,
    erasure::{Erasure, LogExtent, LogPart},
    store::{Eraser, StoreError},
};

impl FaultyStore {
    fn erases(&self) -> &dyn Eraser {
        self.inner().eraser()
    }
}

#[async_trait]
impl Eraser for FaultyStore {
    async fn begin(&self, erasure: &Erasure) -> Result<Erasure, StoreError> {
        self.run(StoreCall::EraseUser, self.erases().begin(erasure)).await
    }

    async fn unfinished(&self) -> Result<Vec<Erasure>, StoreError> {
        self.run(StoreCall::LookForUser, self.erases().unfinished()).await
    }

    async fn finish(&self, erasure: &Erasure) -> Result<bool, StoreError> {
        self.run(StoreCall::EraseUser, self.erases().finish(erasure)).await
    }

    async fn logs(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<LogExtent>, StoreError> {
        self.run(StoreCall::LookForUser, self.erases().logs(after, limit)).await
    }

    async fn messages_of(&self, erasure: &Erasure, part: LogPart) -> Result<Vec<Seq>, StoreError> {
        self.run(StoreCall::LookForUser, self.erases().messages_of(erasure, part)).await
    }

    async fn replace(&self, erasure: &Erasure, part: LogPart) -> Result<u64, StoreError> {
        self.run(StoreCall::EraseUser, self.erases().replace(erasure, part)).await
    }

    async fn forget_marks(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        self.run(StoreCall::EraseUser, self.erases().forget_marks(user, limit)).await
    }
}
