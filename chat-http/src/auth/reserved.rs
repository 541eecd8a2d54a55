//! Ids that not everyone may give.

use chat_core::UserId;

/// What the ids of guests begin with where others have ids, too.
pub(super) const GUEST: &str = "guest:";

/// Whether an id begins with a word that says whose it is. (Accounts will have one, too.)
pub(super) fn is_reserved(id: &UserId) -> bool {
    id.is_reserved() || id.as_str().starts_with(GUEST)
}
