//! What the hooks are without the feature: nothing.

use super::{Bug, Point};
use crate::{HistoryPage, HistoryQuery, RoomId};

/// Whether this bug is planted: never.
#[must_use]
#[inline(always)]
pub const fn has(_bug: Bug) -> bool {
    false
}

/// Passes a point: nothing happens.
#[inline(always)]
pub const fn reached(_point: Point) {}

/// A page of history as it was read.
#[must_use]
#[inline(always)]
pub const fn page(_room: RoomId, _asked: HistoryQuery, read: HistoryPage) -> HistoryPage {
    read
}
