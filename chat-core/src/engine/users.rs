//! What an engine keeps of users beside what they do in rooms.

use crate::{
    ChatEngine, Error, Timestamp, UserId,
    engine::{breaker::not_stored, ending::Ending, inner::Inner, revocations::Added},
    store::StoreError,
};

impl ChatEngine {
    /// Takes a user's access away: ends all sessions that the user has on this engine, with
    /// [`CloseReason::CredentialsRevoked`](crate::CloseReason::CredentialsRevoked), and keeps in mind that credentials from before are
    /// void, for [`Limits::credential_life`](crate::Limits::credential_life). Returns how many sessions there were.
    ///
    /// The engine knows no credentials: whoever admits users asks [`revoked_at`](Self::revoked_at) for each
    /// token. A credential that was issued later is good. Of the user's id only a digest is stored.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::StorageFull`] or [`Error::OutcomeUnknown`] when it could not be stored: the sessions have
    /// ended, and this engine refuses the credentials, but after a restart it would not. Call it again then.
    ///
    /// # Cancel safety
    /// Once it was polled, the sessions have ended. Dropped, it may not be stored.
    pub async fn revoke(&self, user: &UserId) -> Result<usize, Error> {
        let inner = self.inner();
        // In this order: who admits a session that begins now finds that it may not, or it is among those that end.
        let added = inner.services.revocations.add(user, inner.services.clock.now().wall);
        let ended = inner.sessions.end_all_of(user, Ending::CREDENTIALS_REVOKED);
        inner.store_revocation(added).await.map_err(|failure| not_stored(failure.kind))?;
        Ok(ended)
    }

    /// When a user's access was taken away last, if ever. It is known from memory.
    #[must_use]
    pub fn revoked_at(&self, user: &UserId) -> Option<Timestamp> {
        self.inner().services.revocations.of(user)
    }

    /// Whether guests have, or may have, ids in this database that other users could have, too: whoever comes with such an id
    /// then becomes that user.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database could not be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn has_bare_guest_ids(&self) -> Result<bool, Error> {
        let services = &self.inner().services;
        services.store.users().has_bare_guest_ids().await.map_err(|failure| services.read_failed(&failure))
    }

    /// Keeps in mind, for good, that guests have such ids.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::StorageFull`] or [`Error::OutcomeUnknown`] when it could not be stored.
    ///
    /// # Cancel safety
    /// Dropped, it may be stored or not.
    pub async fn keep_bare_guest_ids(&self) -> Result<(), Error> {
        let stored = self.inner().services.store.users().keep_bare_guest_ids().await;
        stored.map_err(|failure| not_stored(failure.kind))
    }
}

impl Inner {
    /// Takes away what a user who is erased has of access, and the name that they chose.
    pub(super) async fn forget_user(&self, user: &UserId) -> Result<(), StoreError> {
        let services = &self.services;
        self.store_revocation(services.revocations.add(user, services.clock.now().wall)).await?;
        services.store.users().choose_name(user, None).await
    }

    async fn store_revocation(&self, added: Added) -> Result<(), StoreError> {
        let users = self.services.store.users();
        users.revoke(added.revocation).await?;
        if let Some(oldest) = added.forgotten {
            // If that fails, it is done at the next start.
            drop(users.forget_revocations(oldest).await);
        }
        Ok(())
    }
}
