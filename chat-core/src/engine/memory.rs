//! Counts what all rooms together keep in memory, without a lock, and finds which rooms should free some of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use std::time::Duration;

use crate::Limits;

/// How many rooms are active, and how many bytes of recent events they keep.
#[derive(Debug)]
pub(super) struct Memory {
    rooms: AtomicUsize,
    recent: AtomicUsize,
    max_rooms: usize,
    max_recent: usize,
    /// When rooms were last searched for some that can free memory, in milliseconds of monotonic time.
    looked: AtomicU64,
}

/// A room's share of the memory. Dropping it gives the share back.
#[derive(Debug)]
pub(super) struct RoomMemory {
    of: Arc<Memory>,
    usage: Arc<Usage>,
}

/// How a room uses its share, as seen from outside its task.
#[derive(Debug, Default)]
pub(super) struct Usage {
    recent: AtomicUsize,
    /// When something last happened in the room, in milliseconds of monotonic time.
    touched: AtomicU64,
    is_idle: AtomicBool,
    /// Whether the room was asked to free memory, and has not done so yet.
    is_asked: AtomicBool,
}

/// How much should be freed: a number of rooms, and bytes of recent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Excess {
    pub(super) rooms: usize,
    pub(super) recent: usize,
}

impl Memory {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            rooms: AtomicUsize::new(0),
            recent: AtomicUsize::new(0),
            max_rooms: limits.active_rooms.max(1),
            max_recent: limits.recent_total_bytes,
            looked: AtomicU64::new(0),
        })
    }

    /// Takes a share for one more room. Returns `None` when as many rooms are active as may be.
    pub(super) fn enter(self: &Arc<Self>) -> Option<RoomMemory> {
        // The share is taken first and given back on refusal, so that two callers cannot both take the last one.
        let before = self.rooms.fetch_add(1, Ordering::AcqRel);
        let memory = RoomMemory { of: Arc::clone(self), usage: Arc::default() };
        (before < self.max_rooms).then_some(memory)
    }

    /// How much should be freed now. Returns `None` when nothing has to be freed, or when rooms were searched a moment ago.
    pub(super) fn excess(&self, now: Duration) -> Option<Excess> {
        let (rooms, recent) = (self.rooms.load(Ordering::Acquire), self.recent.load(Ordering::Acquire));
        // Rooms are freed before all places are taken, because that takes a moment; and an eighth of all is freed at once, so
        // that the search pays off.
        let excess = Excess {
            rooms: if rooms > eighths(self.max_rooms, 7) { rooms - eighths(self.max_rooms, 6) } else { 0 },
            recent: if recent > self.max_recent { recent - eighths(self.max_recent, 7) } else { 0 },
        };
        if excess == Excess::default() {
            return None;
        }
        let (now, last) = (millis(now), self.looked.load(Ordering::Acquire));
        let is_due = now >= last + LOOK_EVERY || last == 0;
        let is_mine = || self.looked.compare_exchange(last, now.max(1), Ordering::AcqRel, Ordering::Acquire).is_ok();
        (is_due && is_mine()).then_some(excess)
    }

    /// How many bytes of recent events all rooms keep.
    #[cfg(test)]
    pub(super) fn recent(&self) -> usize {
        self.recent.load(Ordering::Acquire)
    }
}

impl RoomMemory {
    /// The room's usage, for those outside its task.
    pub(super) const fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }

    /// Records that something happened in the room, which keeps this many bytes of recent events now. Returns whether all
    /// rooms together keep too much.
    pub(super) fn touch(&self, recent: usize, now: Duration) -> bool {
        self.usage.touched.store(millis(now), Ordering::Relaxed);
        let before = self.usage.recent.swap(recent, Ordering::AcqRel);
        let total = if recent >= before {
            self.of.recent.fetch_add(recent - before, Ordering::AcqRel) + (recent - before)
        } else {
            self.of.recent.fetch_sub(before - recent, Ordering::AcqRel) - (before - recent)
        };
        recent > before && total > self.of.max_recent
    }

    /// Records whether the room can be forgotten.
    pub(super) fn set_idle(&self, is_idle: bool) {
        self.usage.is_idle.store(is_idle, Ordering::Release);
    }

    /// Records that the room has freed what it was asked to.
    pub(super) fn asked(&self) {
        self.usage.is_asked.store(false, Ordering::Release);
    }
}

impl Drop for RoomMemory {
    fn drop(&mut self) {
        self.of.recent.fetch_sub(self.usage.recent.load(Ordering::Acquire), Ordering::AcqRel);
        self.of.rooms.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Usage {
    /// When something last happened in the room, in milliseconds of monotonic time.
    pub(super) fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    /// Decides whether the room is to be asked to free memory. Takes what that frees off the excess. Returns `false` also for
    /// a room that was asked already.
    pub(super) fn ask(&self, excess: &mut Excess) -> bool {
        let (is_idle, recent) = (self.is_idle.load(Ordering::Acquire), self.recent.load(Ordering::Acquire));
        let helps = (is_idle && excess.rooms > 0) || (recent > 0 && excess.recent > 0);
        if !helps {
            return false;
        }
        excess.rooms = excess.rooms.saturating_sub(usize::from(is_idle));
        excess.recent = excess.recent.saturating_sub(recent);
        !self.is_asked.swap(true, Ordering::AcqRel)
    }
}

const fn eighths(of: usize, number: usize) -> usize {
    of / 8 * number + of % 8 * number / 8
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

/// The least time between two searches, in milliseconds: a search goes through all rooms.
const LOOK_EVERY: u64 = 20;
