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
    use std::sync::Arc;

    use super::*;
    use crate::{
        Body, Epoch, Event, EventKind, Identity, Limits, Message, Now, RoomId, Seq, SessionId, Since, Timestamp,
        append::{AppendOutcome, EventKey, Op},
        state::{Completion, Effect, Input, ReplyId, Request, RoomState},
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
    struct Room(RoomState);

    impl Room {
        fn of(sessions: u64) -> Self {
            let mut room =
                Self(RoomState::new(RoomId(1), Epoch::new("e"), (Seq(1), Seq(0)), Arc::new(Limits::default())));
            for session in 0..sessions {
                let (user, session) = (Identity::named(&format!("user {session}")).unwrap(), SessionId(session));
                let attach = Request::Attach { session, user, since: Since::Now, presence: false, reply: ReplyId(0) };
                room.give(attach, NOW);
            }
            room
        }

        /// Gives it an input at this time; returns how many entries are to be appended.
        fn give(&mut self, input: impl Into<Input>, mono: Duration) -> usize {
            let mut effects = Vec::new();
            self.0.handle(input.into(), Now { wall: Timestamp(0), mono }, &mut effects);
            let entries = |effect: &Effect| if let Effect::Append(entries) = effect { entries.len() } else { 0 };
            effects.iter().map(entries).sum()
        }

        fn send(&mut self, mono: Duration) -> usize {
            let (actor, key) = (Some(Identity::named("Alice").unwrap()), EventKey::generated("k"));
            let op = Op::Message(Body::text("x"));
            let send = Request::Append { session: None, by_system: false, actor, key, op, reply: ReplyId(0) };
            self.give(send, mono)
        }

        /// The event with this number is stored.
        fn stored(&mut self, seq: u64, mono: Duration) -> usize {
            let message = Message { body: Body::text("x"), ordinal: seq, thread_ordinal: None, erased: false };
            let (room, at, kind) = (RoomId(1), Timestamp(0), EventKind::Message(message));
            let event = Arc::new(Event { room, seq: Seq(seq), at, actor: None, key: None, kind });
            let stored = AppendOutcome::New { event, mentioned: vec![], standing: Default::default(), heir: None };
            self.give(Completion::Appended(Ok(vec![stored])), mono)
        }
    }

    #[test]
    fn what_comes_while_an_event_goes_to_many_is_stored_together_after_it() {
        let mut room = Room::of(1_000);
        assert_eq!(room.send(NOW), 1, "the room was quiet");
        assert_eq!(room.stored(1, NOW), 0);
        assert_eq!([room.send(NOW), room.send(NOW + Duration::from_millis(5))], [0, 0]);
        let due = room.0.poll_timeout().unwrap();
        assert_eq!(due, NOW + wait_of(1_000));
        assert_eq!(room.give(Input::Timeout, due), 2);
    }

    #[test]
    fn what_comes_later_or_to_few_waits_for_nothing() {
        let mut room = Room::of(1_000);
        assert_eq!([room.send(NOW), room.stored(1, NOW), room.send(NOW + wait_of(1_000))], [1, 0, 1]);
        let mut room = Room::of(100);
        assert_eq!([room.send(NOW), room.stored(1, NOW), room.send(NOW)], [1, 0, 1]);
    }
}
