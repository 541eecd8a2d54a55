//! Ids that not everyone may give.

use chat_core::{Error, UserId, UserName};

/// What the ids of guests begin with where others have ids, too.
pub(super) const GUEST: &str = "guest:";

/// Whether an id begins with a word that says whose it is. (Accounts will have one, too.)
pub(super) fn is_reserved(id: &UserId) -> bool {
    id.is_reserved() || id.as_str().starts_with(GUEST)
}

/// Refuses a name that looks like such an id.
///
/// # Errors
/// [`Error::InvalidField`] (`username`).
pub(super) fn check_name(name: &UserName) -> Result<(), Error> {
    let looks_so = UserId::new(name.as_str()).is_ok_and(|id| is_reserved(&id));
    if looks_so { Err(Error::invalid_field("username", "must not begin with guest: or erased:")) } else { Ok(()) }
}
