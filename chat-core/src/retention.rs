//! How much of a room's log is kept.

use std::sync::Arc;

use crate::{Room, Seq, Timestamp};

/// Which part of a room's log is kept when the rest is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// What was stored from this time on. Since clocks are set back sometimes, an older event may stay among newer ones.
    Since(Timestamp),
    /// The last so many messages, not counting those in threads, and all events since the first of them.
    Last(u64),
    /// This event and all after it.
    From(Seq),
}

/// The host's word on how long the rooms' logs are kept. It is asked for each room, once in a while
/// ([`Limits::retention_interval`](crate::Limits::retention_interval)).
///
/// ```
/// use chat_core::{Keep, Retention, Room, Timestamp};
///
/// /// A year, but for the room of announcements.
/// struct AYear;
///
/// impl Retention for AYear {
///     fn keep(&self, room: &Room, now: Timestamp) -> Option<Keep> {
///         let is_kept = room.name.as_str() == "Announcements";
///         (!is_kept).then(|| Keep::Since(Timestamp(now.0 - 365 * 86_400_000_000)))
///     }
/// }
/// ```
pub trait Retention: Send + Sync + 'static {
    /// What of this room is kept; `None` for all of it.
    fn keep(&self, room: &Room, now: Timestamp) -> Option<Keep>;
}

impl<R: Retention + ?Sized> Retention for Arc<R> {
    fn keep(&self, room: &Room, now: Timestamp) -> Option<Keep> {
        (**self).keep(room, now)
    }
}

/// The same number of days in every room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepDays(pub u32);

impl Retention for KeepDays {
    fn keep(&self, _room: &Room, now: Timestamp) -> Option<Keep> {
        const DAY: i64 = 86_400_000_000;
        Some(Keep::Since(Timestamp(now.0.saturating_sub(i64::from(self.0).saturating_mul(DAY)))))
    }
}
