//! Who asks: what an authenticator says, and what holds whatever it says.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
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
            Actor::User(_) => {
                self.check_revocation(&found)?;
                self.within_life(found)
            }
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

    /// The same, until it is so old that the engine has forgotten a revocation since.
    fn within_life(&self, mut found: Authenticated) -> Result<Authenticated, Error> {
        let life = self.engine.limits().credential_life;
        let issued = found.credential.and_then(|credential| credential.issued_at);
        let Some(oldest) = issued.and_then(|issued| issued.checked_add(life)) else { return Ok(found) };
        if oldest <= SystemTime::now() {
            return Err(Error::Unauthenticated);
        }
        found.expires_at = Some(found.expires_at.map_or(oldest, |own| own.min(oldest)));
        Ok(found)
    }
}

fn refused(why: &'static str) -> Result<Authenticated, Error> {
    static REFUSED: LogLimit = LogLimit::new();
    if let Some(left_out) = REFUSED.pass(Instant::now()) {
        tracing::error!(left_out, "what the authenticator says is refused: {why}");
    }
    Err(Error::Unauthenticated)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use chat_core::Identity;

    use super::{super::authenticator::Credential, *};

    /// Says this of every request.
    struct Says(Authenticated);

    #[async_trait]
    impl Authenticator for Says {
        async fn authenticate(&self, _request: &Request) -> Result<Authenticated, Error> {
            Ok(self.0.clone())
        }
    }

    async fn engine() -> ChatEngine {
        ChatEngine::builder().build().await.unwrap()
    }

    async fn who(engine: &ChatEngine, said: Authenticated) -> Result<Authenticated, Error> {
        let authentication = Authentication::new(Arc::new(Says(said)), engine.clone());
        authentication.of_request(&Request::default()).await
    }

    fn token(id: &str, issued_at: Option<SystemTime>) -> Authenticated {
        let user = Identity::new(id, "Alice").unwrap();
        Authenticated { credential: Some(Credential { issued_at }), ..Authenticated::user(user, Via::Token) }
    }

    #[tokio::test]
    async fn no_authenticator_names_the_host_or_gives_a_reserved_id() {
        let engine = engine().await;
        let user = Identity::named("Alice").unwrap();
        for actor in [Actor::System, Actor::SystemAs(user.clone())] {
            let said = Authenticated { actor, ..Authenticated::anonymous() };
            assert_eq!(who(&engine, said).await, Err(Error::Unauthenticated));
        }
        for (id, via, is_good) in [
            ("guest:Alice", Via::Token, false),
            ("guest:Alice", Via::Account, false),
            ("guest:Alice", Via::Guest, true),
            ("erased:1", Via::Token, false),
            ("Alice", Via::Token, true),
        ] {
            let said = Authenticated::user(Identity::new(id, "Alice").unwrap(), via);
            assert_eq!(who(&engine, said).await.is_ok(), is_good, "{id} by {via:?}");
        }
        assert_eq!(who(&engine, Authenticated::anonymous()).await, Err(Error::Unauthenticated));
    }

    #[tokio::test]
    async fn credentials_of_before_a_revocation_are_void() {
        let engine = engine().await;
        let before = SystemTime::now();
        engine.revoke(&Identity::named("alice").unwrap().id).await.unwrap();
        let after = SystemTime::now() + Duration::from_secs(1);
        for (id, issued_at, is_good) in [
            ("alice", Some(before), false),
            ("alice", None, false),
            ("alice", Some(after), true),
            ("bob", Some(before), true),
            ("bob", None, true),
        ] {
            let found = who(&engine, token(id, issued_at)).await;
            assert_eq!(found.is_ok(), is_good, "{id} {issued_at:?}");
        }
        let session = Authenticated::from(Identity::named("alice").unwrap());
        assert!(who(&engine, session).await.is_ok(), "the authenticator knows whether this is still good");
    }

    #[tokio::test]
    async fn a_credential_is_not_older_than_revocations_are_kept() {
        let engine = engine().await;
        let life = engine.limits().credential_life;
        let minute = Duration::from_secs(60);
        let now = SystemTime::now();
        assert!(who(&engine, token("alice", Some(now - life - minute))).await.is_err());
        let issued = now - life + minute;
        let found = who(&engine, token("alice", Some(issued))).await.unwrap();
        assert_eq!(found.expires_at, Some(issued + life), "a socket ends then, too");
        let sooner = Authenticated { expires_at: Some(now), ..token("alice", Some(issued)) };
        assert_eq!(who(&engine, sooner).await.unwrap().expires_at, Some(now));
    }
}
