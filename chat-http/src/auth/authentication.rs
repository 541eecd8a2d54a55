//! Who asks: what an authenticator says, and what holds whatever it says.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chat_core::{Actor, ChatEngine, Error, Timestamp, UserName, log::LogLimit};
use poem::Request;

use super::{
    authenticator::{Authenticated, Authenticator, Via},
    login_end::LoginWatch,
    reserved,
    tickets::{self, Tickets},
};

/// What finds out who asks, for every way in.
#[derive(Clone)]
pub(crate) struct Authentication {
    authenticator: Arc<dyn Authenticator>,
    engine: ChatEngine,
    tickets: Arc<Tickets>,
}

/// What a client shows within a socket, to say who it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    Token(String),
    Ticket(String),
}

/// What is secret is not shown.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::Ticket(_) => "Ticket",
        })
    }
}

impl Authentication {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, engine: ChatEngine) -> Self {
        Self { authenticator, engine, tickets: Arc::default() }
    }

    /// The authenticator, for what it says of itself.
    pub(crate) fn authenticator(&self) -> &dyn Authenticator {
        &*self.authenticator
    }

    /// Who sends this request; nobody if it has no credentials and that is allowed.
    pub(crate) async fn of_request(&self, request: &Request) -> Result<Authenticated, Error> {
        let found = self.find(request).await?;
        if found.is_anonymous() && !self.authenticator.allows_anonymous() {
            return Err(Error::Unauthenticated);
        }
        Ok(found)
    }

    /// The same, whether nobody is allowed or not.
    pub(crate) async fn find(&self, request: &Request) -> Result<Authenticated, Error> {
        self.admit(self.authenticator.authenticate(request).await?).await
    }

    /// Gives who sends this request another name to show; guests have the one they give. Returns who they are then.
    pub(crate) async fn rename(&self, request: &Request, name: &str) -> Result<Authenticated, Error> {
        let mut found = self.authenticator.authenticate(request).await?;
        let given = found.identity().ok_or(Error::Unauthenticated)?;
        if found.via == Via::Guest {
            return Err(Error::Forbidden);
        }
        reserved::check_name(&UserName::new(name)?)?;
        found.actor = Actor::User(self.engine.rename(given, name).await?);
        Ok(found)
    }

    /// Whose token or ticket this is.
    pub(crate) async fn of_proof(&self, proof: &Proof) -> Result<Authenticated, Error> {
        let found = match proof {
            Proof::Token(token) => self.admit(self.authenticator.authenticate_token(token).await?).await?,
            Proof::Ticket(ticket) => self.of_ticket(ticket)?,
        };
        if found.is_anonymous() { Err(Error::Unauthenticated) } else { Ok(found) }
    }

    /// Whose ticket this is. What it was given for may have ended, or been revoked, meanwhile.
    fn of_ticket(&self, ticket: &str) -> Result<Authenticated, Error> {
        let found = self.tickets.take(ticket).ok_or(Error::Unauthenticated)?;
        let is_over = |at: SystemTime| at.checked_add(LEEWAY).is_some_and(|over| over <= SystemTime::now());
        if found.expires_at.is_some_and(is_over) {
            return Err(Error::Unauthenticated);
        }
        self.check_revocation(&found).map(|()| found)
    }

    /// A one-time ticket for a socket, and for how long it is good.
    pub(crate) fn issue_ticket(&self, found: &Authenticated) -> Result<(String, Duration), Error> {
        Ok((self.tickets.issue(found)?, tickets::GOOD_FOR))
    }

    /// Refuses whom no authenticator may name, and shows the others as they want to be shown.
    async fn admit(&self, mut found: Authenticated) -> Result<Authenticated, Error> {
        match &found.actor {
            Actor::Anonymous => Ok(found),
            Actor::User(user) if !reserved::may_be(&user.id, found.via) => refused("it gives an id that is reserved"),
            Actor::User(given) => {
                self.check_revocation(&found)?;
                // Without the database, the name that was given is better than none.
                if found.via != Via::Guest
                    && let Ok(shown) = self.engine.shown(given).await
                {
                    found.actor = Actor::User(shown);
                }
                self.within_life(found)
            }
            Actor::System | Actor::SystemAs(_) | _ => refused("it names the host itself"),
        }
    }

    /// Refuses a credential from before its user's access was taken away, and a login that has ended.
    pub(crate) fn check_revocation(&self, found: &Authenticated) -> Result<(), Error> {
        if found.login.as_ref().is_some_and(LoginWatch::has_ended) {
            return Err(Error::Unauthenticated);
        }
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

/// How long after its end a credential still counts, as clocks differ.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);

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
            ("erased:1", Via::Account, false),
            ("account:1", Via::Token, false),
            ("account:1", Via::Account, true),
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
