//! What a consumer is told next, and how far it is when that was tried. Pure: data in, data out.

use std::{collections::BTreeMap, time::Duration};

use crate::{ConsumerState, DeadLetter, HeldRoom, LogCursor, NotConsumed, RoomId, TailEntry, Timestamp};

/// Entries of one room, which are told one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    pub(super) room: RoomId,
    pub(super) entries: Vec<TailEntry>,
    /// Where to go on, if this is a room that was held back, and not all of it.
    pub(super) rest: Option<LogCursor>,
}

/// What became of a lane.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LaneEnd {
    pub(super) room: RoomId,
    /// How many of its entries were taken in.
    pub(super) consumed: usize,
    /// The entry that was not, and why: the later ones were not tried.
    pub(super) failed: Option<(LogCursor, NotConsumed)>,
    /// As [`Lane::rest`].
    pub(super) rest: Option<LogCursor>,
}

/// The entries of a page, room by room; without those of rooms that are held back.
pub(super) fn lanes(state: &ConsumerState, page: Vec<TailEntry>) -> Vec<Lane> {
    let mut lanes = BTreeMap::<RoomId, Lane>::new();
    for entry in page.into_iter().filter(|entry| !state.held.contains_key(&entry.room)) {
        let room = entry.room;
        let lane = lanes.entry(room).or_insert_with(|| Lane { room, entries: Vec::new(), rest: None });
        lane.entries.push(entry);
    }
    lanes.into_values().collect()
}

/// Whether more is taken up: not while so many rooms are held back that nothing seems to get through.
pub(super) fn takes_more(state: &ConsumerState) -> bool {
    state.held.len() < MOST_HELD
}

/// The rooms that were held back long enough, and where they go on; at most some at once.
pub(super) fn due(state: &ConsumerState, now: Timestamp) -> Vec<(RoomId, LogCursor)> {
    let mut due: Vec<_> = state.held.iter().filter(|(_, held)| held.next_try <= now).collect();
    due.sort_by_key(|(_, held)| held.next_try);
    due.into_iter().take(MOST_DUE).map(|(room, held)| (*room, held.next.clone())).collect()
}

/// How long until a room was held back long enough, if one is.
pub(super) fn next_due(state: &ConsumerState, now: Timestamp) -> Option<Duration> {
    let first = state.held.values().map(|held| held.next_try).min()?;
    // A wall clock may have jumped back.
    Some(until(first, now).min(LONGEST_WAIT))
}

/// The state when lanes have ended, with everything up to `end` taken up, and what is given up.
pub(super) fn settle(
    state: &mut ConsumerState,
    end: Option<LogCursor>,
    ends: Vec<LaneEnd>,
    now: Timestamp,
) -> Vec<DeadLetter> {
    let was_stuck = !takes_more(state);
    let gets_through = ends.iter().any(|lane| lane.consumed > 0);
    let dead = ends.into_iter().filter_map(|lane| settle_lane(state, lane, now)).collect();
    if was_stuck && gets_through {
        // Whoever takes entries in is there again.
        for held in state.held.values_mut() {
            held.next_try = held.next_try.min(now);
        }
    }
    state.cursor = end;
    state.saves += 1;
    dead
}

fn settle_lane(state: &mut ConsumerState, lane: LaneEnd, now: Timestamp) -> Option<DeadLetter> {
    let LaneEnd { room, consumed, failed, rest } = lane;
    let before = state.held.remove(&room).filter(|_| consumed == 0);
    let Some((next, why)) = failed else {
        if let Some(next) = rest {
            state.held.insert(room, HeldRoom::new(next, now));
        }
        return None;
    };
    let held = match before {
        Some(held) => HeldRoom { next, ..held },
        None => HeldRoom::new(next, now),
    };
    let held = tried(held, &why, now);
    if held.tries < MOST_TRIES {
        state.held.insert(room, held);
        return None;
    }
    state.held.insert(room, HeldRoom::new(behind(&held.next), now));
    state.dead_letters += 1;
    Some(DeadLetter::new(state.dead_letters, room, held, now))
}

/// The room after its entry was tried once more.
fn tried(held: HeldRoom, why: &NotConsumed, now: Timestamp) -> HeldRoom {
    let doubled = FIRST_WAIT.saturating_mul(1 << held.tries.min(MOST_DOUBLINGS));
    let wait = doubled.max(why.wait().unwrap_or_default()).min(LONGEST_WAIT);
    let tries = held.tries.saturating_add(1);
    HeldRoom { tries, next_try: now.after(wait), reason: why.reason().to_owned(), ..held }
}

/// Where a room goes on behind an entry.
pub(super) fn behind(entry: &LogCursor) -> LogCursor {
    LogCursor { seq: entry.seq.next(), ..entry.clone() }
}

/// From `now` to `then`.
fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(then.0.saturating_sub(now.0)).unwrap_or(0))
}

/// How many rooms are held back before no more is taken up.
const MOST_HELD: usize = 64;
/// How many of them are tried again at once.
const MOST_DUE: usize = 8;
/// The shortest wait before an entry is tried again. It doubles with each try.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest one.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
const MOST_DOUBLINGS: u32 = 12;
/// How often an entry is tried: for a day, with the waits between. Tries count, and not the hours, since the engine may be stopped for
/// long, and a wall clock may jump.
const MOST_TRIES: u32 = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Seq, TailItem};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(pos: u64, seq: u64) -> LogCursor {
        LogCursor { epoch: Epoch::new("e"), pos, seq: Seq(seq) }
    }

    fn entry(room: u64, pos: u64, seq: u64) -> TailEntry {
        TailEntry { cursor: at(pos, seq), room: RoomId(room), item: TailItem::RoomCreated { room: None } }
    }

    fn done(room: u64, consumed: usize) -> LaneEnd {
        LaneEnd { room: RoomId(room), consumed, failed: None, rest: None }
    }

    fn failed(room: u64, consumed: usize, at: LogCursor) -> LaneEnd {
        LaneEnd { failed: Some((at, NotConsumed::new("no"))), ..done(room, consumed) }
    }

    fn now(time: Duration) -> Timestamp {
        Timestamp(0).after(time)
    }

    #[test]
    fn a_page_is_told_room_by_room_without_those_that_wait() {
        let mut state = ConsumerState::default();
        let page = || vec![entry(1, 1, 0), entry(2, 2, 0), entry(1, 3, 1), entry(3, 4, 0), entry(1, 5, 2)];
        let rooms = |state: &ConsumerState| {
            lanes(state, page()).iter().map(|lane| (lane.room.0, lane.entries.len())).collect::<Vec<_>>()
        };
        assert_eq!(rooms(&state), [(1, 3), (2, 1), (3, 1)]);
        assert_eq!(settle(&mut state, Some(at(5, 2)), vec![failed(1, 1, at(3, 1)), done(2, 1)], now(HOUR)), []);
        assert_eq!((state.cursor.clone(), state.saves), (Some(at(5, 2)), 1));
        assert_eq!(rooms(&state), [(2, 1), (3, 1)], "it waits for what it has not got");
        assert_eq!(state.held[&RoomId(1)].next, at(3, 1));
    }

    #[test]
    fn waits_double_up_to_an_hour_and_after_a_day_it_is_given_up() {
        let (mut state, mut time, mut waits) = (ConsumerState::default(), Duration::ZERO, Vec::new());
        let dead = loop {
            let dead = settle(&mut state, None, vec![failed(1, 0, at(1, 7))], now(time));
            if !dead.is_empty() {
                break dead;
            }
            assert_eq!(due(&state, now(time)), []);
            let wait = next_due(&state, now(time)).unwrap();
            waits.push(wait.as_secs());
            time += wait;
            assert_eq!(due(&state, now(time)), [(RoomId(1), at(1, 7))]);
        };
        assert_eq!(waits[..13], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600]);
        assert!(waits[13..].iter().all(|wait| *wait == 3_600));
        assert!((24 * HOUR..25 * HOUR).contains(&time), "{time:?}");
        let tries = u32::try_from(waits.len()).unwrap() + 1;
        let expected =
            DeadLetter { number: 1, cursor: at(1, 7), room: RoomId(1), at: now(time), tries, reason: "no".to_owned() };
        assert_eq!(dead, [expected]);
        assert_eq!(due(&state, now(time)), [(RoomId(1), at(1, 8))], "the room goes on behind it, at once");
        settle(&mut state, None, vec![failed(1, 0, at(2, 8))], now(time));
        assert_eq!(next_due(&state, now(time)), Some(Duration::from_secs(1)), "the next one has a day of its own");
        assert_eq!(state.dead_letters, 1);
    }

    #[test]
    fn a_room_that_goes_on_is_held_back_no_more() {
        let mut state = ConsumerState::default();
        settle(&mut state, None, vec![failed(1, 0, at(1, 0))], now(HOUR));
        settle(&mut state, None, vec![failed(1, 0, at(1, 0))], now(2 * HOUR));
        assert_eq!((state.held[&RoomId(1)].tries, state.held[&RoomId(1)].since), (2, now(HOUR)));
        settle(&mut state, None, vec![failed(1, 3, at(1, 3))], now(3 * HOUR));
        assert_eq!((state.held[&RoomId(1)].tries, state.held[&RoomId(1)].since), (1, now(3 * HOUR)), "another entry");
        let more = LaneEnd { rest: Some(at(4, 2)), ..done(1, 25) };
        settle(&mut state, None, vec![more], now(4 * HOUR));
        assert_eq!(due(&state, now(4 * HOUR)), [(RoomId(1), at(4, 2))], "there is more of it");
        settle(&mut state, None, vec![done(1, 0)], now(4 * HOUR));
        assert_eq!(state.held, BTreeMap::new());
    }

    #[test]
    fn a_consumer_may_ask_for_more_time_but_not_for_less() {
        let mut state = ConsumerState::default();
        let mut wait = |asked: Duration| {
            let end = LaneEnd { failed: Some((at(1, 0), NotConsumed::new("busy").retry_after(asked))), ..done(1, 0) };
            settle(&mut state, None, vec![end], now(HOUR));
            next_due(&state, now(HOUR)).unwrap()
        };
        assert_eq!(wait(Duration::from_secs(30)), Duration::from_secs(30));
        assert_eq!(wait(Duration::ZERO), Duration::from_secs(2));
        assert_eq!(wait(Duration::MAX), HOUR);
    }

    #[test]
    fn no_more_is_taken_up_while_nothing_gets_through() {
        let mut state = ConsumerState::default();
        let all = || (1..=64).map(|room| failed(room, 0, at(room, 0))).collect();
        for _ in 0..10 {
            settle(&mut state, None, all(), now(HOUR));
        }
        assert!(!takes_more(&state) && due(&state, now(HOUR)).is_empty());
        settle(&mut state, None, vec![done(1, 1)], now(HOUR));
        assert!(takes_more(&state));
        assert_eq!(due(&state, now(HOUR)).len(), 8, "the others are tried at once");
        settle(&mut state, None, vec![failed(2, 0, at(2, 0)), done(80, 1)], now(HOUR));
        assert!(state.held[&RoomId(2)].next_try > now(HOUR), "one of many waits for its time");
    }

    #[test]
    fn a_day_that_the_engine_was_stopped_is_no_day_of_tries() {
        let mut state = ConsumerState::default();
        for days in 0..35 {
            assert_eq!(settle(&mut state, None, vec![failed(1, 0, at(1, 0))], now(days * 24 * HOUR)), []);
        }
        assert_eq!(settle(&mut state, None, vec![failed(1, 0, at(1, 0))], now(36 * 24 * HOUR)).len(), 1);
    }

    #[test]
    fn a_clock_that_jumps_back_holds_nothing_for_long() {
        let mut state = ConsumerState::default();
        settle(&mut state, None, vec![failed(1, 0, at(1, 0))], now(1_000 * HOUR));
        assert_eq!(next_due(&state, now(HOUR)), Some(HOUR));
    }
}
