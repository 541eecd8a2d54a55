//! Bugs that can be switched on, to show that the simulator would find them. Never on outside of tests.

/// A bug of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Events go out when the append begins.
    PublishBeforeCommit,
    /// A gap begins one event too late.
    AttachOffByOne,
    /// A session that waits for its gap hears live events before it.
    LiveBeforeGap,
    /// An append with an unknown outcome is answered as if it had failed.
    UnknownTreatedAsFailed,
    /// Another writer's events are skipped.
    HoleNotLoaded,
    /// Typing that is not refreshed stays.
    TypingNeverExpires,
    /// A user leaves with any of their sessions.
    LeaveWithoutTheLastSession,
}

/// The bug that is switched on, if any.
#[derive(Debug, Default)]
pub(super) struct Planted(pub(super) Option<Bug>);

impl Planted {
    /// Whether this bug is on: known to be `false` when compiled for use.
    pub(super) fn has(&self, bug: Bug) -> bool {
        cfg!(any(test, feature = "test-util")) && self.0 == Some(bug)
    }
}
