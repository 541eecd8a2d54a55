//! Time limits in nanoseconds: what the server promises, and what a busy machine may add.

/// A second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// How much a busy machine may add to anything.
pub(crate) const SLACK: u64 = 3 * SECOND;

/// How long after a fault an anomaly is still blamed on the fault.
pub(crate) const SETTLE: u64 = 5 * SECOND;

/// How long a user whose session was lost still counts as online.
pub(crate) const GRACE: u64 = 10 * SECOND;

/// How long a dead connection may count as alive, including the grace.
pub(crate) const DEAD: u64 = 45 * SECOND;

/// How long someone may be shown typing after the last refresh.
pub(crate) const TYPING: u64 = 10 * SECOND;

/// How long it may take until the end of typing is told.
pub(crate) const STOP: u64 = SECOND;

/// From how many possible users on an empty list may mean that only the count is told.
pub(crate) const NAMED: usize = 180;
