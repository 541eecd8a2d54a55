//! The cookie that browsers keep a login in.

use chat_core::Error;
use poem::{
    Request,
    http::{HeaderMap, HeaderValue, header},
};

use crate::problem::Problem;

/// Its name. With this prefix, browsers take it only with `Secure`, for the whole host and for no other
/// (<https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix>).
const NAME: &str = "__Host-chat";

/// How the cookie is kept: not for scripts, and not for what other sites ask for. The server decides when a login ends; browsers keep
/// no cookie for longer than these 400 days. (Loopback counts as secure in Chromium and Firefox.)
const ATTRIBUTES: &str = "Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax";

/// The value of `Set-Cookie` that keeps a token.
pub(crate) fn of_token(token: &str) -> String {
    format!("{NAME}={token}; {ATTRIBUTES}")
}

/// The value of `Set-Cookie` that removes the token.
pub(crate) fn cleared() -> String {
    format!("{NAME}=; {}", ATTRIBUTES.replace("34560000", "0"))
}

/// Removes the token, with the answer to a request for which it was no good: else it would be in the way of guests.
pub(crate) fn forget_login(request: &Request, problem: Problem) -> Problem {
    let headers = request.headers();
    let is_meant = problem.code() == "unauthenticated" && !headers.contains_key(header::AUTHORIZATION);
    if is_meant
        && values(headers).next().is_some()
        && let Ok(cleared) = HeaderValue::try_from(cleared())
    {
        return problem.with(header::SET_COOKIE, cleared);
    }
    problem
}

/// The token in the cookie of a request.
///
/// # Errors
/// [`Error::InvalidField`] (`Cookie`) if there are two: one of them may be somebody else's.
pub(super) fn token(request: &Request) -> Result<Option<&str>, Error> {
    let mut values = values(request.headers());
    match (values.next(), values.next()) {
        (found, None) => Ok(found),
        (_, Some(_)) => Err(Error::invalid_field("Cookie", "must have the login once")),
    }
}

fn values(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == NAME).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cookies: &[&str]) -> Result<Option<String>, String> {
        let request = cookies.iter().fold(Request::builder(), |request, cookie| request.header("cookie", *cookie));
        let request = request.finish();
        token(&request).map(|token| token.map(ToOwned::to_owned)).map_err(|error| error.code().to_owned())
    }

    #[test]
    fn the_login_is_found_among_other_cookies() {
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&["a=b; chat=1; __Host-chat2=2"]), Ok(None));
        assert_eq!(found(&["a=b; __Host-chat=x=y;c=d"]), Ok(Some("x=y".to_owned())));
        assert_eq!(found(&["a=b", "__Host-chat="]), Ok(Some(String::new())));
        assert_eq!(found(&["\u{e9}; __Host-chat=1"]), Ok(None), "a header that is no text");
    }

    #[test]
    fn r49_two_logins_are_none() {
        for two in [&["__Host-chat=1; __Host-chat=1"][..], &["__Host-chat=1", "__Host-chat=2"]] {
            assert_eq!(found(two), Err("invalid_field".to_owned()));
        }
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_from_other_sites() {
        assert_eq!(of_token("x"), format!("__Host-chat=x; {ATTRIBUTES}"));
        for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
            assert!(of_token("x").split("; ").any(|has| has == attribute), "{attribute}");
            assert!(cleared().split("; ").any(|has| has == attribute), "{attribute}");
        }
        assert!(cleared().starts_with("__Host-chat=;") && cleared().contains("Max-Age=0;"));
        assert!(!of_token("x").contains("Domain"));
    }
}
