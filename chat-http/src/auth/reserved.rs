//! Ids that not everyone may give.

use chat_core::{Error, UserId, UserName};

use super::authenticator::Via;

/// What the ids of guests begin with where others have ids, too.
pub(super) const GUEST: &str = "guest:";

/// What the ids of accounts begin with.
pub(crate) const ACCOUNT: &str = "account:";

/// Whether an id begins with a word that says whose it is.
pub(super) fn is_reserved(id: &UserId) -> bool {
    id.is_reserved() || id.as_str().starts_with(GUEST) || id.as_str().starts_with(ACCOUNT)
}

/// Whether users who are known in this way may have such an id.
pub(super) fn may_be(id: &UserId, via: Via) -> bool {
    match via {
        // A guest's name was checked; it is the id, or follows the word.
        Via::Guest => true,
        Via::Account => !is_reserved(id) || id.as_str().starts_with(ACCOUNT),
        Via::Token => !is_reserved(id),
    }
}

/// Refuses a name that looks like such an id.
///
/// # Errors
/// [`Error::InvalidField`] (`username`).
pub(crate) fn check_name(name: &UserName) -> Result<(), Error> {
    let looks_so = UserId::new(name.as_str()).is_ok_and(|id| is_reserved(&id));
    let wrong = || Error::invalid_field("username", "must not begin with guest:, account: or erased:");
    if looks_so { Err(wrong()) } else { Ok(()) }
}
