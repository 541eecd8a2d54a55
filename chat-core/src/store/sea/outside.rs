//! What is stored from outside, whether an engine runs on the database or not.

use std::sync::Arc;

use super::{
    connect,
    connect::reach,
    error::SqlError,
    migration,
    pool::{Pool, Share},
    users,
};
use crate::{
    StartError, Timestamp, UserId,
    users::{Revocation, UserDigest},
};

/// Takes a user's access away in the database that a URL names, as [`ChatEngine::revoke`](crate::ChatEngine::revoke) does: also while an
/// engine runs on it, which notices within 5 s and ends the user's sessions, unless `at` is more than 10 minutes before its time.
/// Credentials that were issued until `at` are void.
///
/// # Errors
/// [`StartError::BadUrl`], [`StartError::Unavailable`], or [`StartError::Unusable`] where there are no tables of a chat.
///
/// # Cancel safety
/// Dropped, it may be stored or not. To do it again does no harm.
pub async fn revoke(url: &str, user: &UserId, at: Timestamp) -> Result<(), StartError> {
    let source = connect::from_url(url)?;
    source.look()?;
    if let Some(file) = source.file().filter(|file| !file.exists()) {
        return Err(StartError::Unavailable(format!("{} does not exist", file.display())));
    }
    source.look_at_content()?;
    if source.is_server() {
        reach(&*source).await.map_err(SqlError::from)?;
    }
    migration::look(&*source).await?;
    let writers = Pool::new(&source, &Arc::default(), Share::ONE);
    let revoked = async {
        migration::expect_logs(&writers).await?;
        Ok(users::revoke(&writers, Revocation { user: UserDigest::of(user), at }).await?)
    };
    let revoked = revoked.await;
    writers.close().await;
    revoked
}
