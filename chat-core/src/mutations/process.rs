//! The bug that this process has.

use std::sync::OnceLock;

use super::Bug;

static INJECTED: OnceLock<Bug> = OnceLock::new();

/// Gives this process a bug, for good: every room and every store that is made from now on has it.
///
/// # Errors
/// The bug, when there is one already.
pub fn inject(bug: Bug) -> Result<(), Bug> {
    INJECTED.set(bug)
}

/// The bug that this process has, if any.
#[must_use]
pub fn injected() -> Option<Bug> {
    INJECTED.get().copied()
}
