//! What an engine keeps of users beside what they do in rooms.

use crate::{
    Actor, ChatEngine, Error, Identity, Timestamp, UserId, UserName,
    engine::{breaker::not_stored, ending::Ending, inner::Inner, rates::Rated, revocations::Added, security_log},
    store::StoreError,
    users::ChosenName,
};

impl ChatEngine {
    /// Takes a user's access away: ends all sessions that the user has on this engine, with
    /// [`CloseReason::CredentialsRevoked`](crate::CloseReason::CredentialsRevoked), and keeps in mind that credentials from before are
    /// void, for [`Limits::credential_life`](crate::Limits::credential_life). Returns how many sessions there were. Other engines on
    /// the same database do the same within 5 s, unless their clocks are more than 10 minutes apart.
    ///
    /// The engine knows no credentials: whoever admits users asks [`revoked_at`](Self::revoked_at) for each
    /// token. A credential that was issued later is good. Of the user's id only a digest is stored.
    ///
    /// # Errors
    /// [`Error::Stopped`]. [`Error::Unavailable`], [`Error::StorageFull`] or [`Error::OutcomeUnknown`] when it could not be stored: the
    /// sessions have ended, and this engine refuses the credentials, but after a restart it would not. Call it again then.
    ///
    /// # Cancel safety
    /// Once it was polled, the sessions have ended. Dropped, it may not be stored.
    pub async fn revoke(&self, user: &UserId) -> Result<usize, Error> {
        let inner = self.inner();
        inner.services.check_running()?;
        // In this order: who admits a session that begins now finds that it may not, or it is among those that end.
        let added = inner.services.revocations.add(user, inner.services.clock.now().wall);
        let ended = inner.sessions.end_all_of(user, Ending::CREDENTIALS_REVOKED);
        security_log::revoked(user, ended);
        inner.store_revocation(added).await.map_err(|failure| not_stored(failure.kind))?;
        Ok(ended)
    }

    /// When a user's access was taken away last, if ever. It is known from memory.
    #[must_use]
    pub fn revoked_at(&self, user: &UserId) -> Option<Timestamp> {
        self.inner().services.revocations.of(user)
    }

    /// A user as they are to be shown: with the name that they have [chosen](Self::rename), unless `given`, which is what their
    /// credential says of them, has come to give another name than it did then.
    ///
    /// # Errors
    /// [`Error::Overloaded`] or [`Error::Unavailable`] when the database could not be read; [`Error::Stopped`].
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost.
    pub async fn shown(&self, given: &Identity) -> Result<Identity, Error> {
        self.inner().services.check_running()?;
        match self.chosen_name(&given.id).await? {
            Some(chosen) if chosen.instead_of == given.name => Ok(Identity { name: chosen.name, ..given.clone() }),
            Some(_) => {
                self.choose_name(&given.id, None).await?;
                Ok(given.clone())
            }
            None => Ok(given.clone()),
        }
    }

    /// Gives a user another name to show, until their credential gives another one than `given` has. What was stored before
    /// keeps the name of then, and so do sessions that are there. Returns the user as they are shown from now on.
    ///
    /// [`connect`](Self::connect) and [`send`](Self::send) take the name that they are given: ask [`shown`](Self::shown) before.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{ChatEngine, Identity};
    ///
    /// let engine = ChatEngine::builder().build().await?;
    /// let given = Identity::new("user:4711", "Alice")?; // as your login knows her
    /// engine.rename(&given, "Alice B.").await?;
    /// let session = engine.connect(engine.shown(&given).await?);
    /// assert_eq!(engine.shown(&given).await?.name.as_str(), "Alice B.");
    /// # drop(session);
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`username`) for a name that breaks the rules of [`UserName`]; [`Error::Forbidden`] for a user who
    /// is being erased; [`Error::RateLimited`]; [`Error::Stopped`]; [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`] or
    /// [`Error::OutcomeUnknown`] when it could not be stored.
    ///
    /// # Cancel safety
    /// Dropped, it may be stored or not.
    pub async fn rename(&self, given: &Identity, name: &str) -> Result<Identity, Error> {
        let name = UserName::new(name)?;
        let inner = self.inner();
        inner.services.check_running()?;
        let _writing = inner.services.locked_out.write().await;
        inner.services.locked_out.check(&given.id)?;
        inner.rate(&Actor::User(given.clone()), Rated::Changes)?;
        inner.services.breaker.check()?;
        let chosen = ChosenName { name: name.clone(), instead_of: given.name.clone() };
        self.choose_name(&given.id, Some(chosen).filter(|chosen| chosen.name != chosen.instead_of)).await?;
        Ok(Identity { name, ..given.clone() })
    }

    async fn chosen_name(&self, user: &UserId) -> Result<Option<ChosenName>, Error> {
        let services = &self.inner().services;
        let unknown = match services.names.get(user) {
            // Others may have changed it in a store that is shared.
            Ok(chosen) if !services.store.is_shared() => return Ok(chosen),
            Ok(_) => None,
            Err(unknown) => Some(unknown),
        };
        let read = services.read(services.store.users().chosen_name(user).await)?;
        if let Some(unknown) = unknown {
            services.names.add(unknown, user, read.clone());
        }
        Ok(read)
    }

    async fn choose_name(&self, user: &UserId, chosen: Option<ChosenName>) -> Result<(), Error> {
        let services = &self.inner().services;
        let _changing = services.names.changing(user);
        let stored = services.store.users().choose_name(user, chosen.as_ref()).await;
        stored.map_err(|failure| not_stored(failure.kind))
    }

    /// Whether guests have, or may have, ids in this database that other users could have, too: whoever comes with such an id
    /// then becomes that user.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database could not be read; [`Error::Stopped`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn has_bare_guest_ids(&self) -> Result<bool, Error> {
        let services = &self.inner().services;
        services.check_running()?;
        services.read(services.store.users().has_bare_guest_ids().await)
    }

    /// Keeps in mind, for good, that guests have such ids.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::StorageFull`] or [`Error::OutcomeUnknown`] when it could not be stored; [`Error::Stopped`].
    ///
    /// # Cancel safety
    /// Dropped, it may be stored or not.
    pub async fn keep_bare_guest_ids(&self) -> Result<(), Error> {
        let services = &self.inner().services;
        services.check_running()?;
        let stored = services.store.users().keep_bare_guest_ids().await;
        stored.map_err(|failure| not_stored(failure.kind))
    }
}

impl Inner {
    /// Takes away what a user who is erased has of access, and the name that they chose.
    pub(super) async fn forget_user(&self, user: &UserId) -> Result<(), StoreError> {
        let services = &self.services;
        self.store_revocation(services.revocations.add(user, services.clock.now().wall)).await?;
        let _changing = services.names.changing(user);
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
