//! Limits on how often the engine logs the same problem.

use crate::log::LogLimit;

/// One limit for each line that a broken database or a defect can cause again and again.
#[derive(Debug, Default)]
pub(super) struct LogLimits {
    pub(super) read_failed: LogLimit,
    pub(super) import_failed: LogLimit,
    pub(super) purge_failed: LogLimit,
    pub(super) index_failed: LogLimit,
    pub(super) tail_failed: LogLimit,
    pub(super) consumer_failed: LogLimit,
    pub(super) not_consumed: LogLimit,
    pub(super) rewrite_failed: LogLimit,
    pub(super) room_defect: LogLimit,
    pub(super) policy_mistaken: LogLimit,
}
