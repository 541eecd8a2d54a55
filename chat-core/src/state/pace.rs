//! How soon after an event the next append starts: in a room of many, what comes meanwhile gathers.

use std::time::Duration;

/// When the next append may start.
///
/// An event goes to each session by a write of its own, and a write costs more than what it carries. While a room's events are on
/// their way to many sessions, those that follow at once would be written one by one; gathered, they are stored together, and each
/// session gets them in one write. Where nothing was published for as long, nothing waits.
#[derive(Debug, Default)]
pub(super) struct Pace {
    next: Option<Duration>,
}

/// What a write to a session costs, roughly: 5 to 7 µs where it was measured (`benches/README.md`).
const WRITE: Duration = Duration::from_micros(6);
/// A shorter wait would be lost in how exact timers are.
const SHORTEST: Duration = Duration::from_millis(1);
/// However many sessions there are.
const LONGEST: Duration = Duration::from_millis(10);

impl Pace {
    /// Events were published to so many sessions.
    pub(super) fn published(&mut self, sessions: usize, now: Duration) {
        let cost = WRITE.saturating_mul(u32::try_from(sessions).unwrap_or(u32::MAX)).min(LONGEST);
        self.next = (cost >= SHORTEST).then(|| now + cost);
    }

    /// Whether the next append may start.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// When it may.
    pub(super) const fn due_at(&self) -> Option<Duration> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Since,
        state::{
            Input,
            tests::{Room, message},
        },
    };

    const NOW: Duration = Duration::from_secs(5);

    /// How long the next append waits after an event for so many sessions.
    fn wait_of(sessions: usize) -> Duration {
        let mut pace = Pace::default();
        pace.published(sessions, NOW);
        pace.due_at().map_or(Duration::ZERO, |at| at - NOW)
    }

    fn wait(sessions: usize) -> u128 {
        wait_of(sessions).as_micros()
    }

    #[test]
    fn it_grows_with_the_sessions_and_has_an_end() {
        assert_eq!([0, 10, 166, 167, 1_000, 100_000, usize::MAX].map(wait), [0, 0, 0, 1_002, 6_000, 10_000, 10_000]);
    }

    #[test]
    fn nothing_waits_where_nothing_was_published_just_before() {
        let mut pace = Pace::default();
        assert!(pace.is_due(Duration::ZERO));
        pace.published(1_000, NOW);
        assert!(!pace.is_due(NOW + Duration::from_micros(5_999)));
        assert!(pace.is_due(NOW + Duration::from_micros(6_000)));
        pace.published(10, NOW);
        assert!(pace.is_due(NOW), "most have left");
    }

    /// A room with so many sessions.
    fn room_of(sessions: u64) -> Room {
        let mut room = Room::with_head(0);
        for session in 0..sessions {
            room.attach(session, &format!("user {session}"), Since::Now);
        }
        room
    }

    /// Sends a message to a quiet room, and stores it: the room's first.
    fn send_first(room: &mut Room) {
        assert_eq!(room.send(1, "Alice", "a"), ["append a"], "the room was quiet");
        assert_eq!(room.appended(&[message(1, "Alice", "a")]), ["answer 1: stored 1", "all: #1"]);
    }

    #[test]
    fn what_comes_while_an_event_goes_to_many_is_stored_together_after_it() {
        let mut room = room_of(1_000);
        send_first(&mut room);
        let due = room.now + wait_of(1_000);
        assert_eq!(room.send(2, "Alice", "b"), [""; 0]);
        room.now += Duration::from_millis(5);
        assert_eq!(room.send(3, "Alice", "c"), [""; 0]);
        assert_eq!(room.state.poll_timeout(), Some(due));
        room.now = due;
        assert_eq!(room.give(Input::Timeout), ["append b+c"]);
    }

    #[test]
    fn what_comes_later_or_to_few_waits_for_nothing() {
        let mut room = room_of(1_000);
        send_first(&mut room);
        room.now += wait_of(1_000);
        assert_eq!(room.send(2, "Alice", "b"), ["append b"]);
        let mut room = room_of(100);
        send_first(&mut room);
        assert_eq!(room.send(2, "Alice", "b"), ["append b"]);
    }
}
