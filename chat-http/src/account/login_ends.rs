//! The ends of the logins that somebody was admitted by.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::secret::TokenDigest;
use crate::auth::{LoginEnd, LoginWatch};

/// How many are kept at least before those are looked for that nobody watches any more.
const LEAST: usize = 1_024;

/// The ends of logins, by the digests of their tokens. Whoever is admitted is here before it is read that the login is still there, and
/// whoever ends a login looks here after it is removed: so nobody is missed.
#[derive(Debug, Default)]
pub(super) struct LoginEnds(Mutex<Ends>);

#[derive(Debug, Default)]
struct Ends {
    by_token: HashMap<TokenDigest, LoginEnd>,
    /// With how many the unwatched ones are removed next.
    next_sweep: usize,
}

impl LoginEnds {
    /// Watches a login.
    pub(super) fn watch(&self, token: TokenDigest) -> LoginWatch {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.by_token.len() >= ends.next_sweep.max(LEAST) {
            ends.by_token.retain(|_, end| end.is_watched());
            ends.next_sweep = ends.by_token.len() * 2;
        }
        ends.by_token.entry(token).or_default().watch()
    }

    /// Which logins are watched.
    pub(super) fn watched(&self) -> Vec<TokenDigest> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.by_token.iter().filter(|(_, end)| end.is_watched()).map(|(token, _)| *token).collect()
    }

    /// Ends a login that was removed.
    pub(super) fn end(&self, token: TokenDigest) {
        let removed = self.0.lock().unwrap_or_else(PoisonError::into_inner).by_token.remove(&token);
        if let Some(end) = removed {
            end.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> TokenDigest {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        TokenDigest(bytes)
    }

    #[test]
    fn only_those_of_one_login_end() {
        let ends = LoginEnds::default();
        let (first, second, other) = (ends.watch(token(1)), ends.watch(token(1)), ends.watch(token(2)));
        ends.end(token(1));
        assert!(first.has_ended() && second.has_ended() && !other.has_ended());
        ends.end(token(3));
        assert!(!ends.watch(token(1)).has_ended(), "whether it is there is for the database to say");
    }

    #[test]
    fn those_that_nobody_watches_are_forgotten() {
        let ends = LoginEnds::default();
        let kept: Vec<_> = (0..2_000).map(|number| ends.watch(token(number))).collect();
        for number in 2_000..50_000 {
            drop(ends.watch(token(number)));
        }
        let count = ends.0.lock().unwrap().by_token.len();
        assert!((2_000..=4_001).contains(&count), "{count}");
        ends.end(token(1_999));
        assert!(kept[1_999].has_ended());
    }
}
