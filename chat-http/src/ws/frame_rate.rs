//! How fast a client may send frames, and how long it may go on above a rate.

use std::time::Duration;

use chat_core::{Error, Limits, state::Bucket};
use tokio::time::Instant;

/// How long a client may go on above a rate.
const PATIENCE: Duration = Duration::from_secs(10);
/// A client that was not refused for so long keeps to its rates again.
const PAUSE: Duration = Duration::from_secs(2);

/// The frames of one connection.
#[derive(Debug)]
pub(super) struct FrameRate {
    /// When the connection began: what the buckets count from.
    begun: Instant,
    frames: Option<Bucket>,
    bytes: Option<Bucket>,
    /// The first and the last of the refusals that follow each other closely.
    refused: Option<(Instant, Instant)>,
}

impl FrameRate {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let bucket = |rate| Bucket::new(rate, Duration::ZERO);
        let (frames, bytes) = (limits.connection_frames.map(bucket), limits.connection_bytes.map(bucket));
        Self { begun: now, frames, bytes, refused: None }
    }

    /// Counts a frame. Refuses it as [`Error::RateLimited`] above a rate.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> Result<(), Error> {
        let (since, bytes) = (now.duration_since(self.begun), u32::try_from(bytes).unwrap_or(u32::MAX));
        let frames = self.frames.as_mut().map_or(Ok(()), |bucket| bucket.take(since));
        let taken = frames.and_then(|()| self.bytes.as_mut().map_or(Ok(()), |bucket| bucket.take_many(bytes, since)));
        taken.map_err(|retry_after| Error::RateLimited { retry_after })
    }

    /// The client was refused for a rate, this or one of its user's. Returns whether it has gone on for too long.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        let first = self.refused.filter(|(_, last)| now.duration_since(*last) < PAUSE).map_or(now, |(first, _)| first);
        self.refused = Some((first, now));
        now.duration_since(first) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use chat_core::Rate;

    use super::*;

    fn limits(frames: u32, bytes: u32) -> Limits {
        let mut limits = Limits::default();
        limits.connection_frames = Some(Rate { per_second: 1.0, burst: frames });
        limits.connection_bytes = Some(Rate { per_second: 100.0, burst: bytes });
        limits
    }

    #[test]
    fn frames_and_bytes_have_a_rate_each() {
        let now = Instant::now();
        let mut rate = FrameRate::new(&limits(3, 1_000), now);
        for _ in 0..3 {
            rate.take(10, now).unwrap();
        }
        let wait = |retry_after| Err(Error::RateLimited { retry_after });
        assert_eq!(rate.take(10, now), wait(Duration::from_secs(1)));
        rate.take(970, now + Duration::from_secs(1)).unwrap();
        assert_eq!(rate.take(200, now + Duration::from_secs(2)), wait(Duration::from_millis(700)), "130 of 200 bytes");
    }

    #[test]
    fn nothing_is_limited_unless_it_is_set() {
        let now = Instant::now();
        let mut rate = FrameRate::new(&Limits::default(), now);
        assert!((0..10_000).all(|_| rate.take(1 << 20, now).is_ok()));
    }

    #[test]
    fn who_goes_on_for_10_s_is_told_apart_from_who_pauses() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut rate = FrameRate::new(&Limits::default(), start);
        assert!((0..100).all(|times| !rate.refused(at(times * 100))));
        assert!(rate.refused(at(10_000)));
        let mut rate = FrameRate::new(&Limits::default(), start);
        assert!((0..100).all(|times| !rate.refused(at(times * 2_000))));
    }
}
