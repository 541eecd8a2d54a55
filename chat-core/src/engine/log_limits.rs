//! What an engine's log says at most once in a while.

use crate::log::LogLimit;

/// The lines that a broken database or a defect can cause again and again.
#[derive(Debug, Default)]
pub(super) struct LogLimits {
    pub(super) read_failed: LogLimit,
    pub(super) purge_failed: LogLimit,
    pub(super) room_defect: LogLimit,
}
