//! What is kept of users beside what they do in rooms.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Timestamp, UserId, UserName};

/// The SHA-256 of a user's id. It stands where the id itself is not kept, so that nothing is left to find when a user is erased.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserDigest([u8; 32]);

impl UserDigest {
    /// The digest of this id.
    #[must_use]
    pub fn of(user: &UserId) -> Self {
        Self(Sha256::digest(user.as_str().as_bytes()).into())
    }

    /// The digest as it was stored.
    #[must_use]
    pub const fn from_stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for UserDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

/// That a user's access was taken away: credentials from before are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Whose.
    pub user: UserDigest,
    /// When. Credentials that were issued later are good.
    pub at: Timestamp,
}

/// The name that a user has chosen for themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenName {
    /// The name to show.
    pub name: UserName,
    /// The name that their credential gave them when they chose it. When it gives another one, that is the newer word.
    pub instead_of: UserName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_sha_256_of_the_id() {
        let digest = UserDigest::of(&UserId::new("abc").unwrap());
        assert_eq!(digest.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest.as_bytes()[28..], [0xf2, 0x00, 0x15, 0xad]);
        assert_eq!(format!("{digest:?}"), "ba7816bf…");
    }
}
