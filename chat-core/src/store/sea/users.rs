//! What is kept of users beside what they do in rooms.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{
    SeaStore,
    dialect::about::{About, Rows},
    error::SqlError,
    pool::{Checkout, Pool},
    rooms::count,
    run::{Run, Write},
};
use crate::{
    Timestamp, UserId, UserName, fold,
    store::{StoreError, Users},
    users::{ChosenName, Revocation, UserDigest},
};

#[async_trait]
impl Users for SeaStore {
    async fn has_bare_guest_ids(&self) -> Result<bool, StoreError> {
        let reading = |checkout: Arc<Checkout>| async move {
            let row = checkout.run().query_one("SELECT bare_guest_ids FROM chat_meta", Vec::new()).await?;
            row.map_or(Ok(false), |row| Ok(row.try_get_by_index::<i16>(0)? != 0))
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn keep_bare_guest_ids(&self) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let kept = write.run().execute("UPDATE chat_meta SET bare_guest_ids = 1", Vec::new()).await;
        Ok(write.end(kept.map(drop)).await?)
    }

    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        Ok(revoke(&self.writers, revocation).await?)
    }

    async fn revocations(
        &self,
        since: Timestamp,
        after: Option<UserDigest>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError> {
        let reading = |checkout: Arc<Checkout>| async move {
            // No digest is empty.
            let after = after.map_or(Vec::new(), |after| after.as_bytes().to_vec());
            let rows = checkout.run().query(REVOCATIONS, vec![after.into(), since.0.into(), count(limit)]).await?;
            rows.iter().map(revocation).collect()
        };
        Ok(self.readers.read(reading).await?)
    }

    /// Nobody else reaches a database in memory.
    fn may_be_revoked_elsewhere(&self) -> bool {
        self.source.is_replaceable()
    }

    async fn forget_revocations(&self, before: Timestamp) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let sql = "DELETE FROM chat_revocations WHERE at_us < ?";
        let removed = write.run().execute(sql, vec![before.0.into()]).await;
        Ok(write.end(removed.map(drop)).await?)
    }

    async fn chosen_name(&self, user: &UserId) -> Result<Option<ChosenName>, StoreError> {
        let user = user.clone();
        let reading = |checkout: Arc<Checkout>| async move {
            let run = checkout.run();
            let row = run.query_one(CHOSEN, vec![run.dialect.opaque(Some(user.as_str()))]).await?;
            row.as_ref().map(chosen).transpose()
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn choose_name(&self, user: &UserId, chosen: Option<&ChosenName>) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let stored = match chosen {
            Some(chosen) => put_name(&write.run(), user, chosen).await,
            None => {
                let id = write.run().dialect.opaque(Some(user.as_str()));
                write.run().execute("DELETE FROM chat_users WHERE id = ?", vec![id]).await.map(drop)
            }
        };
        Ok(write.end(stored).await?)
    }
}

/// Stores a revocation, unless a later one is stored.
pub(super) async fn revoke(writers: &Arc<Pool>, revocation: Revocation) -> Result<(), SqlError> {
    let (user, at) = (revocation.user.as_bytes().to_vec(), revocation.at.0);
    let put = About::PutNew { table: "chat_revocations", key: 1 };
    let later = "UPDATE chat_revocations SET at_us = ? WHERE user_sha256 = ? AND at_us < ?";
    let write = Write::begin(writers).await?;
    let stored = async {
        let run = write.run();
        // In this order: whoever comes second finds what the first one has put.
        Rows::new(&["user_sha256", "at_us"], [[user.clone().into(), at.into()]]).execute(&run, put).await?;
        run.execute(later, vec![at.into(), user.into(), at.into()]).await.map(drop)
    };
    let stored = stored.await;
    write.end(stored).await
}

async fn put_name(run: &Run<'_, impl ConnectionTrait>, user: &UserId, chosen: &ChosenName) -> Result<(), SqlError> {
    let row = [
        run.dialect.opaque(Some(user.as_str())),
        chosen.name.as_str().to_owned().into(),
        run.dialect.opaque(Some(&fold::name_key(chosen.name.as_str()))),
        chosen.instead_of.as_str().to_owned().into(),
    ];
    let put = About::Put { table: "chat_users", key: 1, optional: "" };
    Rows::new(&["id", "name", "name_key", "instead_of"], [row]).execute(run, put).await
}

fn revocation(row: &QueryResult) -> Result<Revocation, SqlError> {
    let digest: Vec<u8> = row.try_get_by_index(0)?;
    let digest = digest.try_into().map_err(|_| SqlError::corrupt("a digest that is none"))?;
    Ok(Revocation { user: UserDigest::from_stored(digest), at: Timestamp(row.try_get_by_index(1)?) })
}

fn chosen(row: &QueryResult) -> Result<ChosenName, SqlError> {
    let name = |index| Ok::<_, SqlError>(UserName::from_stored(&row.try_get_by_index::<String>(index)?));
    Ok(ChosenName { name: name(0)?, instead_of: name(1)? })
}

const REVOCATIONS: &str =
    "SELECT user_sha256, at_us FROM chat_revocations WHERE user_sha256 > ? AND at_us >= ? ORDER BY user_sha256 LIMIT ?";
const CHOSEN: &str = "SELECT name, instead_of FROM chat_users WHERE id = ?";
