//! The queue of updates behind a session's stream: it is bounded, and nobody ever waits for it.

use std::task::{Context, Poll, Waker};

use crate::{
    CloseReason, Update,
    engine::waiting::WaitingShare,
    state::{Backlog, Overflow},
};

/// The queue of updates behind a session's stream.
#[derive(Debug)]
pub(super) struct SessionQueue {
    backlog: Backlog,
    share: WaitingShare,
    waker: Option<Waker>,
    /// Whether anyone reads the stream. If not, nothing is queued.
    has_reader: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// More updates may come.
    Open,
    /// The stream yields what is queued, then this reason, and ends.
    Closing(CloseReason),
    /// The stream yields what is queued, and ends.
    Done,
}

impl SessionQueue {
    /// An empty one for so many bytes, which are counted in this share.
    pub(super) fn new(limit: usize, share: WaitingShare) -> Self {
        Self { backlog: Backlog::new(limit), share, waker: None, has_reader: true, end: End::Open }
    }

    /// Whether a pushed update would be queued.
    pub(super) const fn takes_more(&self) -> bool {
        self.has_reader && matches!(self.end, End::Open)
    }

    pub(super) const fn has_reader(&self) -> bool {
        self.has_reader
    }

    /// Adds an update to the end. The caller wakes the waker after it has released the session's lock.
    pub(super) fn push(&mut self, update: Update) -> Result<Option<Waker>, Overflow> {
        if !self.takes_more() {
            return Ok(None);
        }
        self.backlog.push(update)?;
        self.share.set(self.backlog.bytes())?;
        Ok(self.waker.take())
    }

    /// The next update; `Ready(None)` once it has ended.
    pub(super) fn poll(&mut self, cx: Option<&Context<'_>>) -> Poll<Option<Update>> {
        if let Some(update) = self.pop() {
            return Poll::Ready(Some(update));
        }
        match self.end {
            End::Closing(reason) => {
                self.end = End::Done;
                Poll::Ready(Some(Update::Closed(reason)))
            }
            End::Done => Poll::Ready(None),
            End::Open => {
                if let Some(cx) = cx {
                    self.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Ends the stream after what is queued, with the reason if there is one. The caller wakes the waker.
    pub(super) fn close(&mut self, reason: Option<CloseReason>) -> Option<Waker> {
        if self.end == End::Open {
            self.end = reason.map_or(End::Done, End::Closing);
        }
        self.waker.take()
    }

    /// Takes out everything that is queued.
    pub(super) fn clear(&mut self) -> Vec<Update> {
        std::iter::from_fn(|| self.pop()).collect()
    }

    fn pop(&mut self) -> Option<Update> {
        let update = self.backlog.pop()?;
        // Less waits than before, which is never too much.
        let _less = self.share.set(self.backlog.bytes());
        Some(update)
    }

    /// Nobody reads the stream any more. Takes out everything that is queued.
    pub(super) fn reader_gone(&mut self) -> Vec<Update> {
        self.has_reader = false;
        self.waker = None;
        self.clear()
    }
}
