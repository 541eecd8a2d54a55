//! Several authenticators, in order.

use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;
use chat_core::{Actor, Error};
use poem::Request;

use super::{
    authenticator::{Authenticated, Authenticator, Via},
    guests,
};

/// Several authenticators, which are asked in order until one knows a credential of the request. That one decides: if the
/// credential is bad, no other is asked. So [`Guests`](crate::Guests) come last.
///
/// Beside other authenticators, a guest's id is `guest:` and the name, so that nobody else has it.
///
/// ```
/// # use chat_http::{Authenticator, Guests, Several};
/// # fn example(tokens: impl Authenticator) -> Several {
/// Several::new(tokens).or(Guests)
/// # }
/// ```
#[derive(Clone)]
pub struct Several(Vec<Arc<dyn Authenticator>>);

impl Several {
    /// One to begin with.
    #[must_use]
    pub fn new(first: impl Authenticator) -> Self {
        Self(vec![Arc::new(first)])
    }

    /// One more, which is asked if those before know no credential of a request.
    #[must_use]
    pub fn or(mut self, next: impl Authenticator) -> Self {
        self.0.push(Arc::new(next));
        self
    }

    /// A guest's id, so that nobody else has it.
    fn apart(&self, mut found: Authenticated) -> Result<Authenticated, Error> {
        if found.via == Via::Guest
            && self.0.len() > 1
            && let Actor::User(guest) = &found.actor
        {
            found.actor = Actor::User(guests::apart(guest)?);
        }
        Ok(found)
    }

    /// What they say, each once.
    fn joined(&self, said: fn(&dyn Authenticator) -> Cow<'static, str>, between: &str) -> Cow<'static, str> {
        let mut all: Vec<String> = self.0.iter().map(|one| said(&**one).into_owned()).collect();
        all.dedup();
        all.join(between).into()
    }
}

#[async_trait]
impl Authenticator for Several {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        for one in &self.0 {
            let found = one.authenticate(request).await?;
            if !found.is_anonymous() {
                return self.apart(found);
            }
        }
        Ok(Authenticated::anonymous())
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
        for one in &self.0 {
            let found = one.authenticate_token(token).await?;
            if !found.is_anonymous() {
                return self.apart(found);
            }
        }
        Ok(Authenticated::anonymous())
    }

    fn allows_anonymous(&self) -> bool {
        self.0.iter().any(|one| one.allows_anonymous())
    }

    fn welcomes_guests(&self) -> bool {
        self.0.iter().any(|one| one.welcomes_guests())
    }

    fn awaits_first_frame(&self) -> bool {
        self.0.iter().any(|one| one.awaits_first_frame())
    }

    fn challenge(&self) -> Cow<'static, str> {
        self.joined(|one| one.challenge(), ", ")
    }

    fn advice(&self) -> Cow<'static, str> {
        self.joined(|one| one.advice(), "; or ")
    }
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Several").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use chat_core::Identity;

    use super::*;
    use crate::Guests;

    /// Believes the header `X-User`, but for one name.
    struct ByHeader;

    #[async_trait]
    impl Authenticator for ByHeader {
        async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
            match request.header("x-user") {
                None => Ok(Authenticated::anonymous()),
                Some("bad") => Err(Error::Unauthenticated),
                Some(name) => Ok(Identity::named(name)?.into()),
            }
        }

        async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
            Ok(Identity::named(token)?.into())
        }
    }

    async fn who(header: Option<&str>, query: &str) -> Result<Authenticated, Error> {
        let mut request = Request::builder().uri_str(format!("/x{query}"));
        if let Some(name) = header {
            request = request.header("x-user", name);
        }
        Several::new(ByHeader).or(Guests).authenticate(&request.finish()).await
    }

    #[tokio::test]
    async fn the_first_who_knows_a_credential_decides() {
        let id = |found: Authenticated| (found.identity().unwrap().id.as_str().to_owned(), found.via);
        let ada = who(Some("Ada"), "?username=Bob").await.unwrap();
        assert_eq!(id(ada), ("Ada".to_owned(), Via::Account));
        assert_eq!(who(Some("bad"), "?username=Bob").await, Err(Error::Unauthenticated));
        assert_eq!(id(who(None, "?username=Bob").await.unwrap()), ("guest:Bob".to_owned(), Via::Guest));
        assert!(who(None, "").await.unwrap().is_anonymous());
        assert_eq!(who(None, "?username=guest:Bob").await.unwrap_err().code(), "invalid_field");
    }

    #[tokio::test]
    async fn guests_alone_have_their_names_as_ids() {
        let request = Request::builder().uri_str("/x?username=Bob").finish();
        let found = Several::new(Guests).authenticate(&request).await.unwrap();
        assert_eq!(found.identity().unwrap().id.as_str(), "Bob");
    }

    #[tokio::test]
    async fn all_say_how_to_say_who_one_is() {
        let both = Several::new(ByHeader).or(Guests);
        assert_eq!(both.challenge(), "Bearer realm=\"chat\", Guest realm=\"chat\", parameter=\"username\"");
        assert!(both.allows_anonymous() && both.awaits_first_frame());
        assert!(!Several::new(ByHeader).allows_anonymous());
        assert!(both.advice().contains("?username="));
        assert_eq!(both.authenticate_token("Ada").await.unwrap().identity().unwrap().id.as_str(), "Ada");
    }
}
