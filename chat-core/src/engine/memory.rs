//! What all rooms together keep in memory, counted without a lock.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use std::time::Duration;

use crate::Limits;

/// How many rooms are active, and what the events they keep at hand cost.
#[derive(Debug)]
pub(super) struct Memory {
    rooms: AtomicUsize,
    recent: AtomicUsize,
    max_rooms: usize,
    max_recent: usize,
    /// When it was looked last for rooms to let go of, in milliseconds.
    looked: AtomicU64,
}

/// A room's part of it; given back when dropped.
#[derive(Debug)]
pub(super) struct RoomMemory {
    of: Arc<Memory>,
    usage: Arc<Usage>,
}

/// How a room uses its part, for whoever looks for one that can let go.
#[derive(Debug, Default)]
pub(super) struct Usage {
    recent: AtomicUsize,
    /// When something happened in it last, in milliseconds.
    touched: AtomicU64,
    is_idle: AtomicBool,
    /// Whether it was asked to let go, and has not done so yet.
    is_asked: AtomicBool,
}

/// What is to be let go of.
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

    /// A place for one more room, if there is one.
    pub(super) fn enter(self: &Arc<Self>) -> Option<RoomMemory> {
        // Taken first and given back on refusal, so that two at once cannot both take the last one.
        let before = self.rooms.fetch_add(1, Ordering::AcqRel);
        let memory = RoomMemory { of: Arc::clone(self), usage: Arc::default() };
        (before < self.max_rooms).then_some(memory)
    }

    /// What is to be let go of now, so that there is some room again; nothing if it was looked a moment ago.
    pub(super) fn excess(&self, now: Duration) -> Option<Excess> {
        let (rooms, recent) = (self.rooms.load(Ordering::Acquire), self.recent.load(Ordering::Acquire));
        // Rooms before they are all taken, since letting go takes a moment; an eighth of all, so that the look is worth it.
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

    /// What all rooms keep at hand, in bytes.
    #[cfg(test)]
    pub(super) fn recent(&self) -> usize {
        self.recent.load(Ordering::Acquire)
    }
}

impl RoomMemory {
    /// For those who look at it from outside.
    pub(super) const fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }

    /// Something happened: it keeps so many bytes at hand now. Returns whether all rooms together keep too much.
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

    /// Whether nobody needs it.
    pub(super) fn set_idle(&self, is_idle: bool) {
        self.usage.is_idle.store(is_idle, Ordering::Release);
    }

    /// It was asked to let go, and does so.
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
    /// When something happened in it last.
    pub(super) fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    /// Whether letting go of it would help; takes off what it would bring, and says that it is asked.
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

/// How often it is looked for rooms to let go of, at most: a look goes through all of them.
const LOOK_EVERY: u64 = 20;
