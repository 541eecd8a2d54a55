//! Counts how often a client sent a malformed frame.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The malformed frames of the last minute.
#[derive(Debug, Default)]
pub(super) struct FrameViolations(VecDeque<Instant>);

/// The number of malformed frames that closes a socket, and the period they are counted in.
const LIMIT: (usize, Duration) = (5, Duration::from_secs(60));

impl FrameViolations {
    /// Counts one more; returns whether that was one too many.
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
        let mut violations = FrameViolations::default();
        assert!((0..4).all(|second| !violations.add(at(second))));
        assert!(violations.add(at(59)));
        let mut violations = FrameViolations::default();
        assert!((0..20).all(|times| !violations.add(at(times * 15))));
    }
}
