//! What is handed in to the journal.

use tokio::sync::oneshot;

use crate::{
    Error, Room,
    append::{AppendFailure, AppendResult, RoomBatch, RoomRecord},
    engine::admission::Admitted,
};

/// What is to be stored, and where the outcome goes.
pub(super) enum Job {
    /// What a room wants appended to its log.
    Append { batch: RoomBatch, done: oneshot::Sender<AppendResult> },
    /// A room that is to be made. Its place is given back when that is done, whoever waits for it.
    Create { row: Box<RoomRecord>, done: oneshot::Sender<CreateResult>, admitted: Admitted },
}

/// What became of a room that was to be made.
pub(super) type CreateResult = Result<Room, AppendFailure>;

impl Job {
    /// Says that nothing was stored.
    pub(super) fn refuse(self, error: Error) {
        // Whoever waited may be gone.
        match self {
            Self::Append { done, .. } => drop(done.send(Err(AppendFailure::NotStored(error)))),
            Self::Create { done, .. } => drop(done.send(Err(AppendFailure::NotStored(error)))),
        }
    }
}
