//! Hints from outside: another writer has appended to the room's log, or ended it.

use std::{mem, time::Duration};

use crate::Seq;

/// What was hinted and not looked at yet.
///
/// A hint is no more than a reason to read the log. What is applied is what the log says, so a hint that is lost, late,
/// doubled or wrong does no harm.
#[derive(Debug, Default)]
pub(super) struct Hint {
    /// The highest head that was named.
    head: Seq,
    /// What the load under way was started for.
    asked: Seq,
    /// Whether the room was said to be gone.
    is_gone: bool,
    /// When to look again after a load that failed.
    retry_at: Option<Duration>,
}

impl Hint {
    /// Takes note of where the log is said to end; `None`: the room is said to be gone.
    pub(super) fn note(&mut self, head: Option<Seq>) {
        match head {
            Some(head) => self.head = self.head.max(head),
            None => self.is_gone = true,
        }
    }

    /// Whether the log is to be read now, by a room that has read it up to `head`.
    pub(super) fn is_due(&self, head: Seq) -> bool {
        self.retry_at.is_none() && (self.is_gone || self.head > head)
    }

    /// Whether the room is said to be gone. It is asked when the log begins to be read for that, and then forgotten.
    pub(super) const fn take_gone(&mut self) -> bool {
        mem::replace(&mut self.is_gone, false)
    }

    /// The events after the head begin to be loaded. What is hinted from now on may be later than what is read.
    pub(super) fn load_started(&mut self) {
        self.asked = mem::take(&mut self.head);
    }

    /// They were loaded: whatever was hinted before has been looked at.
    pub(super) const fn load_done(&mut self) {
        self.asked = Seq(0);
    }

    /// They could not be loaded, and are to be asked for again then.
    pub(super) fn load_failed(&mut self, retry_at: Duration) {
        self.head = self.head.max(mem::take(&mut self.asked));
        self.retry_at = (self.head > Seq(0)).then_some(retry_at);
    }

    /// Time has passed.
    pub(super) fn expire(&mut self, now: Duration) {
        self.retry_at = self.retry_at.filter(|at| *at > now);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Duration> {
        self.retry_at
    }
}
