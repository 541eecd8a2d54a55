//! What users may do in the room, as far as the room itself decides it.

use super::Request;
use crate::{Event, error::Error};

/// The members and their rights, as far as the room's state has to know them: those of users who are attached or act. Today a
/// room restricts nobody, so there is nothing to know.
#[derive(Debug, Default)]
pub(super) struct Rights {}

impl Rights {
    /// Whether this may be done. It is asked when the request's turn has come, not before it waits: what was applied meanwhile
    /// counts.
    #[expect(clippy::unused_self, reason = "a room restricts nobody yet")]
    pub(super) const fn check(&self, _request: &Request) -> Result<(), Error> {
        Ok(())
    }

    /// An event was applied, which may change them.
    #[expect(clippy::unused_self, reason = "no event changes rights yet")]
    pub(super) const fn apply(&mut self, _event: &Event) {}
}
