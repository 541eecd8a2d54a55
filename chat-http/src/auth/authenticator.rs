//! What finds out which user sends a request, and what it finds out.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use chat_core::{Actor, Error, Identity};
use poem::Request;

use super::login_end::LoginWatch;

/// Finds out which user sends a request. It is asked once per REST request and once per socket, before a body is read.
///
/// Several may be [combined](crate::Several). An `Arc` of one is one, for an app that keeps it, too:
///
/// ```
/// use std::sync::Arc;
/// use async_trait::async_trait;
/// use chat_core::{Error, Identity};
/// use chat_http::{Authenticated, Authenticator, Via};
///
/// struct Staff;
///
/// #[async_trait]
/// impl Authenticator for Staff {
///     async fn authenticate(&self, request: &poem::Request) -> Result<Authenticated, Error> {
///         let name = request.header("x-staff").ok_or(Error::Unauthenticated)?;
///         Ok(Authenticated::user(Identity::named(name)?, Via::Account))
///     }
/// }
///
/// let staff = Arc::new(Staff);
/// let authenticator: Arc<dyn Authenticator> = staff.clone();
/// # drop(authenticator);
/// ```
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Returns who sends this request, or [`Authenticated::anonymous`] if the request has none of the credentials that this
    /// authenticator knows.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a credential that is not valid, [`Error::InvalidField`] for a name that breaks its rules,
    /// [`Error::Forbidden`] for a user who is locked out, [`Error::Unavailable`] if it cannot find out now.
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error>;

    /// Returns whose token this is, wherever it came from, or [`Authenticated::anonymous`] if this authenticator knows no
    /// tokens. By default it knows none.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    async fn authenticate_token(&self, _token: &str) -> Result<Authenticated, Error> {
        Ok(Authenticated::anonymous())
    }

    /// Whether those may use what the policy allows them who do not say who they are. By default they are refused, everywhere.
    fn allows_anonymous(&self) -> bool {
        false
    }

    /// Whether anybody may come as a guest, with a name alone (`?username=`): then the page asks for one. By default nobody may.
    fn welcomes_guests(&self) -> bool {
        false
    }

    /// Whether a socket whose request has no credentials may send them in its first frame, within 10 s. If not, such a socket is
    /// closed with 4401 at once.
    fn awaits_first_frame(&self) -> bool {
        true
    }

    /// The value of `WWW-Authenticate` in a 401: how a client authenticates.
    fn challenge(&self) -> Cow<'static, str> {
        "Bearer realm=\"chat\"".into()
    }

    /// The same advice for people. It is the `detail` of a 401, and the reason of a close with 4401, which has room for
    /// 123 bytes. The default repeats the challenge.
    fn advice(&self) -> Cow<'static, str> {
        format!("say who you are: {}", self.challenge()).into()
    }
}

#[async_trait]
impl<A: Authenticator + ?Sized> Authenticator for Arc<A> {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        (**self).authenticate(request).await
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
        (**self).authenticate_token(token).await
    }

    fn allows_anonymous(&self) -> bool {
        (**self).allows_anonymous()
    }

    fn welcomes_guests(&self) -> bool {
        (**self).welcomes_guests()
    }

    fn awaits_first_frame(&self) -> bool {
        (**self).awaits_first_frame()
    }

    fn challenge(&self) -> Cow<'static, str> {
        (**self).challenge()
    }

    fn advice(&self) -> Cow<'static, str> {
        (**self).advice()
    }
}

/// Who sends a request, and for how long that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authenticated {
    /// A user or nobody. The host itself never comes over the network: [`Actor::System`] and [`Actor::SystemAs`] are refused.
    pub actor: Actor,
    /// By which kind of credential.
    pub via: Via,
    /// When the credential ends. Requests are refused from then on. An event stream ends then, and a socket 60 s later, unless its
    /// client has renewed the credential within the connection.
    pub expires_at: Option<SystemTime>,
    /// The credential, if it can outlive the user's access: [`ChatEngine::revoke`](chat_core::ChatEngine::revoke) ends those from
    /// before it. `None` if the authenticator itself knows at each request whether the user still has access.
    pub credential: Option<Credential>,
    /// The login, if it can be ended by itself, while the user has others: sockets, event streams and tickets end with it.
    pub login: Option<LoginWatch>,
}

/// By which kind of credential someone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Via {
    /// None: a guest gives a name, and is believed.
    Guest,
    /// A login, to this server or to the app around it.
    Account,
    /// A token that another server has signed.
    Token,
}

/// What is known of a credential besides whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// When it was issued. One that does not say so counts as issued before any revocation.
    pub issued_at: Option<SystemTime>,
}

impl Authenticated {
    /// Nobody: the request has no credentials.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { actor: Actor::Anonymous, via: Via::Guest, expires_at: None, credential: None, login: None }
    }

    /// A user who is known by this kind of credential, until the authenticator says otherwise.
    #[must_use]
    pub const fn user(identity: Identity, via: Via) -> Self {
        Self { actor: Actor::User(identity), via, expires_at: None, credential: None, login: None }
    }

    /// Whether nobody is named.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        matches!(self.actor, Actor::Anonymous)
    }

    /// The user, unless it is nobody or the host.
    pub(crate) const fn identity(&self) -> Option<&Identity> {
        if let Actor::User(identity) = &self.actor { Some(identity) } else { None }
    }
}

/// A user who is logged in to the app around the chat.
impl From<Identity> for Authenticated {
    fn from(identity: Identity) -> Self {
        Self::user(identity, Via::Account)
    }
}
