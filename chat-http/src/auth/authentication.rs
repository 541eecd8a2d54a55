//! Who asks: what an authenticator says, and what holds whatever it says.

use std::{
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use chat_core::{Actor, ChatEngine, Error, Timestamp, log::LogLimit};
use poem::Request;

use super::{
    authenticator::{Authenticated, Authenticator, Via},
    reserved,
};

/// What finds out who asks, for every way in.
#[derive(Clone)]
pub(crate) struct Authentication {
    authenticator: Arc<dyn Authenticator>,
    engine: ChatEngine,
}

impl Authentication {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, engine: ChatEngine) -> Self {
        Self { authenticator, engine }
    }

    /// The authenticator, for what it says of itself.
    pub(crate) fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }

    /// Who sends this request; nobody if it has no credentials and that is allowed.
    pub(crate) async fn of_request(&self, request: &Request) -> Result<Authenticated, Error> {
        let found = self.admit(self.authenticator.authenticate(request).await?)?;
        if found.is_anonymous() && !self.authenticator.allows_anonymous() {
            return Err(Error::Unauthenticated);
        }
        Ok(found)
    }

    /// Refuses whom no authenticator may name.
    fn admit(&self, found: Authenticated) -> Result<Authenticated, Error> {
        match &found.actor {
            Actor::Anonymous => Ok(found),
            Actor::User(user) if found.via != Via::Guest && reserved::is_reserved(&user.id) => {
                refused("it gives an id that is reserved")
            }
            Actor::User(_) => self.check_revocation(&found).map(|()| found.clone()),
            Actor::System | Actor::SystemAs(_) | _ => refused("it names the host itself"),
        }
    }

    /// Refuses a credential from before its user's access was taken away.
    pub(crate) fn check_revocation(&self, found: &Authenticated) -> Result<(), Error> {
        let (Some(user), Some(credential)) = (found.identity(), found.credential) else { return Ok(()) };
        let Some(Timestamp(revoked)) = self.engine.revoked_at(&user.id) else { return Ok(()) };
        let revoked = UNIX_EPOCH + Duration::from_micros(u64::try_from(revoked).unwrap_or_default());
        if credential.issued_at.is_some_and(|issued| issued > revoked) { Ok(()) } else { Err(Error::Unauthenticated) }
    }
}

fn refused(why: &'static str) -> Result<Authenticated, Error> {
    static REFUSED: LogLimit = LogLimit::new();
    if let Some(left_out) = REFUSED.pass(Instant::now()) {
        tracing::error!(left_out, "what the authenticator says is refused: {why}");
    }
    Err(Error::Unauthenticated)
}
