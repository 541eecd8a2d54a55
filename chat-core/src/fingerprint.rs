//! What a retry is compared by.

use crate::UserId;

/// A hash of what was submitted, by which a retry is told from another change with the same key. FNV-1a, 64 bit: it is stored,
/// so it must never change; it keeps nobody out, so it need not be cryptographic.
///
/// It is never 0: that stands in the row of an event whose content was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// What stands in the row of an event whose content was erased: a retry is not compared with it.
    pub const ERASED: Self = Self(0);

    /// Whether this is a retry of what was stored with that one.
    #[must_use]
    pub fn is_retry_of(self, stored: Self) -> bool {
        self == stored || stored == Self::ERASED
    }

    /// The hash of a text.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Hasher(OFFSET_BASIS).bytes(text.as_bytes()).finish()
    }
}

/// Makes the [`Fingerprint`] of an operation from its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hasher(u64);

impl Hasher {
    /// Begins with the operation. No text begins with the byte 0, so none has the fingerprint of an operation but by chance.
    pub(crate) fn new(operation: &str) -> Self {
        Self(OFFSET_BASIS).field("", operation.as_bytes())
    }

    /// Adds a field. Its name and its length stand before it, so that no two lists of fields are the same bytes.
    pub(crate) fn field(self, name: &str, value: &[u8]) -> Self {
        self.bytes(name.as_bytes()).bytes(&[0]).bytes(&(value.len() as u64).to_le_bytes()).bytes(value)
    }

    /// Adds a field if it was given.
    pub(crate) fn optional(self, name: &str, value: Option<&[u8]>) -> Self {
        value.map_or(self, |value| self.field(name, value))
    }

    /// Adds a number if it was given.
    pub(crate) fn number(self, name: &str, value: Option<u64>) -> Self {
        value.map_or(self, |value| self.field(name, &value.to_le_bytes()))
    }

    /// Adds yes or no if it was given.
    pub(crate) fn flag(self, name: &str, value: Option<bool>) -> Self {
        value.map_or(self, |value| self.field(name, &[u8::from(value)]))
    }

    /// Adds a list of users if it was given. Each is a field of it, so that no two lists are the same bytes.
    pub(crate) fn users(self, name: &str, users: Option<&[UserId]>) -> Self {
        let Some(users) = users else { return self };
        let begun = self.field(name, &(users.len() as u64).to_le_bytes());
        users.iter().fold(begun, |hasher, user| hasher.field("", user.as_str().as_bytes()))
    }

    pub(crate) const fn finish(self) -> Fingerprint {
        Fingerprint(if self.0 == 0 { 1 } else { self.0 })
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        // Fowler–Noll–Vo, https://www.rfc-editor.org/rfc/rfc9923
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)))
    }
}

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

#[cfg(test)]
mod tests {
    use super::*;

    /// These are in databases.
    #[test]
    fn fingerprints_stay_as_they_are() {
        assert_eq!(Fingerprint::of_text("a"), Fingerprint(0xaf63_dc4c_8601_ec8c));
        assert_eq!(Fingerprint::of_text(""), Fingerprint(0xcbf2_9ce4_8422_2325));
        let fields = Hasher::new("message").field("content", b"a").field("reply_to", &7_u64.to_le_bytes());
        assert_eq!(fields.finish(), Fingerprint(0x8748_73ad_c65c_5cc7));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let of = |one: &[u8], other: &[u8]| Hasher::new("x").field("a", one).field("b", other).finish();
        assert_ne!(of(b"12", b"3"), of(b"1", b"23"));
        assert_ne!(Hasher::new("x").optional("a", None).finish(), Hasher::new("x").optional("a", Some(b"")).finish());
        assert_ne!(Hasher::new("x").finish(), Hasher::new("y").finish());
    }
}
