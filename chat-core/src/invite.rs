//! Invites: codes that bring whoever has one into a room.

use std::{fmt, time::Duration};

use crate::{Identity, RoomId, Timestamp};

/// What an invite is used by: 128 random bits, shown as 32 hexadecimal digits. Whoever has it may come in, so it is not logged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteCode(u128);

/// An invite, as it is asked for.
///
/// ```
/// use std::time::Duration;
/// use chat_core::NewInvite;
///
/// // For a week, and for as many users as come.
/// let invite = NewInvite::default();
/// // For an hour, and for three users.
/// let invite = NewInvite::default().lifetime(Duration::from_secs(3_600)).max_uses(3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewInvite {
    /// How long it can be used, in whole seconds: one second to 365 days. The default is 7 days: long enough for an answer to a
    /// mail, and not for a link that lies about.
    pub lifetime: Duration,
    /// How many users may come in by it, 1–1,000,000; without it, as many as like.
    pub max_uses: Option<u64>,
}

/// An invite that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// What it is used by.
    pub code: InviteCode,
    /// The room it leads to.
    pub room: RoomId,
    /// Who made it; `None`: the host, or somebody who was erased.
    pub by: Option<Identity>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
    /// How many users may come in by it; `None`: as many as like.
    pub max_uses: Option<u64>,
    /// How many users have come in by it. Whoever comes again is counted once.
    pub uses: u64,
}

/// A page of invites, by their codes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvitePage {
    /// Those that can be used.
    pub invites: Vec<Invite>,
    /// Where the next page begins, if there is one.
    pub next: Option<InviteCode>,
}

impl InviteCode {
    /// The code of these bits. They must be random.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The code that is written like this: 32 hexadecimal digits, in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_code = text.len() == 32 && text.bytes().all(is_digit);
        is_code.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

/// As it is written.
impl fmt::Display for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What lets somebody in is not shown.
impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode")
    }
}

impl NewInvite {
    /// The longest lifetime.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    /// The most uses that can be set.
    pub const MAX_USES: u64 = 1_000_000;

    /// The same with another lifetime.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The same for at most so many users.
    #[must_use]
    pub const fn max_uses(mut self, users: u64) -> Self {
        self.max_uses = Some(users);
        self
    }
}

impl Default for NewInvite {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(7 * 24 * 60 * 60), max_uses: None }
    }
}

impl Invite {
    /// Whether it can be used at this time at all.
    #[must_use]
    pub fn lives(&self, at: Timestamp) -> bool {
        at < self.expires_at
    }

    /// Whether as many users have come in by it as may.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.max_uses.is_some_and(|max| self.uses >= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written_and_is_never_shown_by_debug() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef] {
            let code = InviteCode::from_bits(bits);
            assert_eq!(InviteCode::parse(&code.to_string()), Some(code));
            assert_eq!(format!("{code:?}"), "InviteCode");
        }
        let good = InviteCode::from_bits(7 << 120).to_string();
        for bad in ["", "7", &good[1..], &good.replace('0', "G"), &format!("{good}0"), &format!("+{}", &good[1..])] {
            assert_eq!(InviteCode::parse(bad), None, "{bad}");
        }
        assert_eq!(InviteCode::parse(&InviteCode::from_bits(u128::MAX).to_string().to_uppercase()), None);
    }
}
