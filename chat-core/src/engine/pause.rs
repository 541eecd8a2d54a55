//! Pauses of rooms, in which nothing of them is under way.

use tokio::sync::oneshot;

use crate::Error;

/// A room that stands still: what was asked of it before is answered, and what is asked meanwhile waits. When this is dropped, also
/// on its way to whoever asked, the room is read anew, and the sessions that are attached to it are closed.
#[derive(Debug)]
pub(super) struct Paused(oneshot::Sender<()>);

/// Whoever asked for a pause. It is refused when what is under way takes too long.
pub(super) type ToPaused = oneshot::Sender<Result<Paused, Error>>;

impl Paused {
    /// A pause, and what resolves when it is over: to an error if the room is to be read anew.
    pub(super) fn new() -> (Self, oneshot::Receiver<()>) {
        let (going_on, over) = oneshot::channel();
        (Self(going_on), over)
    }

    /// Lets the room go on as it was.
    pub(super) fn go_on(self) {
        // A room that has ended meanwhile has nothing to go on with.
        let _ended = self.0.send(());
    }
}
