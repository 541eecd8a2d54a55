//! Guests, who are believed.

use std::borrow::Cow;

use async_trait::async_trait;
use chat_core::{Error, Identity};
use poem::Request;

use super::{
    authenticator::{Authenticated, Authenticator, Via},
    reserved::{self, GUEST},
};
use crate::query;

/// Guests: anyone may use any name in `?username=`. For trusted networks only.
///
/// The name is trimmed and normalised; it is both the id and the name to show, so `alice` and `Alice` are two users. Among
/// [`Several`](crate::Several) authenticators the id is `guest:` and the name. A name may not begin with `guest:`, `account:` or
/// `erased:`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guests;

#[async_trait]
impl Authenticator for Guests {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        let Some(name) = query::get(request.uri().query(), "username")? else { return Ok(Authenticated::anonymous()) };
        let identity = Identity::named(&name)?.as_guest();
        reserved::check_name(&identity.name)?;
        Ok(Authenticated::user(identity, Via::Guest))
    }

    fn allows_anonymous(&self) -> bool {
        true
    }

    fn welcomes_guests(&self) -> bool {
        true
    }

    fn awaits_first_frame(&self) -> bool {
        false
    }

    fn challenge(&self) -> Cow<'static, str> {
        "Guest realm=\"chat\", parameter=\"username\"".into()
    }

    fn advice(&self) -> Cow<'static, str> {
        "say who you are: add ?username=YOUR-NAME to the address".into()
    }
}

/// The same guest with an id that nobody else has.
///
/// # Errors
/// [`Error::InvalidField`] for a name that is too long for that.
pub(super) fn apart(guest: &Identity) -> Result<Identity, Error> {
    if guest.name.as_str().len() > MOST_BYTES {
        return Err(Error::invalid_field("username", "must be at most 250 bytes"));
    }
    Ok(Identity::new(&format!("{GUEST}{}", guest.id), guest.name.as_str())?.as_guest())
}

/// An id has up to 256 bytes.
const MOST_BYTES: usize = 256 - GUEST.len();

#[cfg(test)]
mod tests {
    use chat_core::Actor;

    use super::*;

    async fn who(uri: &str) -> Result<Authenticated, Error> {
        Guests.authenticate(&Request::builder().uri_str(uri).finish()).await
    }

    #[tokio::test]
    async fn guests_are_who_they_say() {
        assert_eq!(who("/x").await.unwrap().actor, Actor::Anonymous);
        let alice = who("/x?username=%20Alice%20").await.unwrap();
        assert_eq!(alice.identity().unwrap().id.as_str(), "Alice");
        assert_eq!(alice.identity().unwrap().name.as_str(), "Alice");
        assert_eq!((alice.via, alice.expires_at, alice.credential), (Via::Guest, None, None));
    }

    #[tokio::test]
    async fn names_follow_the_rules() {
        let reserved = ["guest:Bob", "erased:1", "account:1", "%20guest:Bob", "guest:"];
        for bad in ["", "%20", "a%00b", "%E2%80%AEabc", "%ff", &"x".repeat(65)].into_iter().chain(reserved) {
            let error = who(&format!("/x?username={bad}")).await.unwrap_err();
            assert!(matches!(&error, Error::InvalidField { field, .. } if field == "username"), "{bad}: {error:?}");
        }
        assert_eq!(who("/x?username=guest").await.unwrap().identity().unwrap().id.as_str(), "guest");
    }

    #[test]
    fn a_guest_among_others_has_an_id_apart() {
        let guest = Identity::named("Bob").unwrap();
        assert_eq!(apart(&guest).unwrap(), Identity::new("guest:Bob", "Bob").unwrap().as_guest());
        let wide = |count| Identity::named(&"\u{20000}".repeat(count)).unwrap();
        assert_eq!(apart(&wide(62)).unwrap().id.as_str().len(), 6 + 248);
        assert_eq!(apart(&wide(63)).unwrap_err().code(), "invalid_field");
    }
}
