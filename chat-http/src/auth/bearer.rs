//! The header `Authorization: Bearer` (RFC 6750, section 2.1).

use chat_core::Error;
use poem::{
    Request,
    http::{HeaderValue, header},
};

/// The token of a request; `None` if there is no such header.
///
/// # Errors
/// [`Error::Unauthenticated`] for another scheme, or more than one header.
pub(crate) fn token(request: &Request) -> Result<Option<&str>, Error> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION).iter();
    let Some(first) = headers.next() else { return Ok(None) };
    match (of_header(first), headers.next()) {
        (Some(token), None) => Ok(Some(token)),
        _ => Err(Error::Unauthenticated),
    }
}

fn of_header(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
