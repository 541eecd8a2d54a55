//! How often a client sent what is no frame of this protocol.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The malformed frames of the last minute.
#[derive(Debug, Default)]
pub(super) struct Strikes(VecDeque<Instant>);

/// How many are one too many, and within how long.
const LIMIT: (usize, Duration) = (5, Duration::from_secs(60));

impl Strikes {
    /// Counts one; says whether it was one too many.
    pub(super) fn add(&mut self, now: Instant) -> bool {
        self.0.push_back(now);
        while self.0.front().is_some_and(|first| now.duration_since(*first) >= LIMIT.1) {
            self.0.pop_front();
        }
        self.0.len() >= LIMIT.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_within_a_minute_is_one_too_many() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut strikes = Strikes::default();
        assert!((0..4).all(|second| !strikes.add(at(second))));
        assert!(strikes.add(at(59)));
        let mut strikes = Strikes::default();
        assert!((0..20).all(|times| !strikes.add(at(times * 15))));
    }
}
