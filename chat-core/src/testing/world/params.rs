//! What one scenario is like, chosen by its seed.

use std::{sync::Arc, time::Duration};

use super::{members::RoomSort, rng::Rng};
use crate::{Limits, RoomId};

/// How much there is of everything.
#[derive(Debug)]
pub(super) struct Params {
    pub(super) rooms: Vec<RoomId>,
    /// What the rooms are at the beginning.
    pub(super) sorts: Vec<RoomSort>,
    pub(super) users: u64,
    pub(super) devices: u64,
    /// How many more things clients do.
    pub(super) actions: u64,
    /// The longest usual pause between two of them.
    pub(super) pause_ms: u64,
    pub(super) latency_ms: u64,
    /// In how many of a hundred cases the database is slow,
    pub(super) slow_percent: u64,
    /// a transaction fails or its outcome is lost,
    pub(super) fault_percent: u64,
    /// a load fails.
    pub(super) load_fault_percent: u64,
    /// In how many of a hundred cases a device reads slowly.
    pub(super) slow_reader_percent: u64,
    /// Whether the process may die.
    pub(super) crashes: bool,
    /// How often another process writes.
    pub(super) foreign: u64,
    /// How often messages are changed, among a hundred actions.
    pub(super) changes: u64,
    /// How often somebody comes, goes or becomes something else, among a hundred actions; 0: all rooms are open to all.
    pub(super) members: u64,
    /// How many messages come at once, and rooms are deleted, among a hundred actions.
    pub(super) floods: u64,
    pub(super) deletes: u64,
    /// Messages and made-up keys so far.
    pub(super) sent: u64,
    pub(super) made_up: u64,
}

impl Params {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let calm = rng.percent(15);
        let faults = |rng: &mut Rng, most| if calm { 0 } else { rng.below(most) };
        let rooms: Vec<_> = (1..=rng.between(1, 3)).map(RoomId).collect();
        let members = if rng.percent(50) { rng.between(10, 60) } else { 0 };
        let sorts = rooms.iter().map(|_| RoomSort::any(members > 0, rng)).collect();
        Self {
            rooms,
            sorts,
            members,
            users: rng.between(1, 4),
            devices: rng.between(2, 6),
            actions: rng.between(30, 150),
            pause_ms: [20, 60, 200, 600].get(usize::try_from(rng.below(4)).unwrap_or(0)).copied().unwrap_or(60),
            latency_ms: rng.between(1, 25),
            slow_percent: faults(rng, 12),
            fault_percent: faults(rng, 40),
            load_fault_percent: faults(rng, 30),
            slow_reader_percent: if rng.percent(40) { 50 } else { 0 },
            crashes: !calm && rng.percent(40),
            foreign: if rng.percent(50) { rng.between(1, 12) } else { 0 },
            changes: if rng.percent(70) { rng.between(6, 60) } else { 0 },
            floods: if rng.percent(50) { 3 } else { 0 },
            deletes: u64::from(rng.percent(15)),
            sent: 0,
            made_up: 0,
        }
    }

    /// Limits so small that their edges are met.
    pub(super) fn limits(rng: &mut Rng) -> Arc<Limits> {
        let recent_events = usize::try_from(rng.between(6, 24)).unwrap_or(8);
        let mut limits = Limits { recent_events, ..Limits::default() };
        if rng.percent(20) {
            limits.recent_bytes = usize::try_from(rng.between(600, 2_000)).unwrap_or(1_000);
        }
        if rng.percent(30) {
            limits.session_queue_bytes = usize::try_from(rng.between(800, 4_000)).unwrap_or(1_000);
        }
        if rng.percent(10) {
            (limits.presence_list_max, limits.presence_list_again) = (2, 2);
        }
        if rng.percent(20) {
            limits.typing_names = 1;
        }
        Arc::new(limits)
    }

    /// How long clients are active at most; whatever is left of their actions then is not done.
    pub(super) const LONGEST: Duration = Duration::from_secs(90);
}
