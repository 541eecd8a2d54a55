//! Authentication: which user sends a request.

use std::borrow::Cow;

use async_trait::async_trait;
use chat_core::{Actor, Error, Identity};
use poem::Request;

use crate::query;

/// Finds out which user sends a request. It is asked once per REST request and once per socket.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Returns the user who sends this request, or [`Actor::Anonymous`] if the request names none.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a token that is not valid, [`Error::InvalidField`] for a name that breaks its rules,
    /// [`Error::Forbidden`] for a user who is locked out, [`Error::Unavailable`] if it cannot find out now.
    async fn authenticate(&self, request: &Request) -> Result<Actor, Error>;

    /// The value of `WWW-Authenticate` in a 401: how a client authenticates.
    fn challenge(&self) -> &'static str {
        "Bearer realm=\"chat\""
    }

    /// The same advice for people. It is the `detail` of a 401, and the reason of a close with 4401, which has room for
    /// 123 bytes. The default repeats the challenge.
    fn advice(&self) -> Cow<'static, str> {
        format!("say who you are: {}", self.challenge()).into()
    }
}

/// Guests: anyone may use any name in `?username=`. For trusted networks only.
///
/// The name is trimmed and normalised; it is both the id and the name to show, so `alice` and `Alice` are two users.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guests;

#[async_trait]
impl Authenticator for Guests {
    async fn authenticate(&self, request: &Request) -> Result<Actor, Error> {
        match query::get(request.uri().query(), "username")? {
            None => Ok(Actor::Anonymous),
            Some(name) => match Identity::named(&name)? {
                guest if guest.id.is_reserved() => Err(Error::invalid_field("username", "must not begin with erased:")),
                guest => Ok(Actor::User(guest)),
            },
        }
    }

    fn challenge(&self) -> &'static str {
        "Guest realm=\"chat\", parameter=\"username\""
    }

    fn advice(&self) -> Cow<'static, str> {
        "say who you are: add ?username=YOUR-NAME to the address".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn who(uri: &str) -> Result<Actor, Error> {
        Guests.authenticate(&Request::builder().uri_str(uri).finish()).await
    }

    #[tokio::test]
    async fn guests_are_who_they_say() {
        assert_eq!(who("/x").await, Ok(Actor::Anonymous));
        let alice = who("/x?username=%20Alice%20").await.unwrap();
        assert_eq!(alice.user().unwrap().id.as_str(), "Alice");
        assert_eq!(alice.user().unwrap().name.as_str(), "Alice");
    }

    #[tokio::test]
    async fn names_follow_the_rules() {
        for bad in ["", "%20", "a%00b", "%E2%80%AEabc", "%ff", &"x".repeat(65), "erased:1", "%20erased:"] {
            let error = who(&format!("/x?username={bad}")).await.unwrap_err();
            assert!(matches!(&error, Error::InvalidField { field, .. } if field == "username"), "{bad}: {error:?}");
        }
    }
}
