//! What is under way: how much may wait, and when nothing does any more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::Notify, time::Instant};

use crate::{Error, Limits, engine::metrics::Metrics, state::Outcome};

/// Counts the commands that are not answered yet, and the messages among them, which are limited.
#[derive(Debug)]
pub(super) struct Admission {
    commands: AtomicUsize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    idle: Notify,
    max_messages: usize,
    max_bytes: usize,
    metrics: Arc<Metrics>,
}

/// A command's place, until it is answered (and this dropped).
#[derive(Debug)]
pub(super) struct Admitted {
    to: Arc<Admission>,
    messages: usize,
    bytes: usize,
    /// Since when.
    since: Instant,
}

impl Admission {
    pub(super) fn new(limits: &Limits, metrics: &Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            commands: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            idle: Notify::new(),
            max_messages: limits.journal_messages,
            max_bytes: limits.journal_bytes,
            metrics: Arc::clone(metrics),
        })
    }

    /// A place for a command that stores no message.
    pub(super) fn admit(self: &Arc<Self>) -> Admitted {
        self.commands.fetch_add(1, Ordering::AcqRel);
        Admitted { to: Arc::clone(self), messages: 0, bytes: 0, since: Instant::now() }
    }

    /// A place for a message with so many bytes of text: `Overloaded` when too much waits to be stored already.
    pub(super) fn admit_message(self: &Arc<Self>, bytes: usize) -> Result<Admitted, Error> {
        // The place is taken first and given back on refusal, so that two at once cannot both take the last one.
        self.commands.fetch_add(1, Ordering::AcqRel);
        let messages = self.messages.fetch_add(1, Ordering::AcqRel) + 1;
        let total = self.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        self.metrics.messages_waiting.increment(1);
        let admitted = Admitted { to: Arc::clone(self), messages: 1, bytes, since: Instant::now() };
        // A single message always fits, whatever the limit says.
        if messages > self.max_messages.max(1) || (total > self.max_bytes && messages > 1) {
            return Err(Error::Overloaded);
        }
        Ok(admitted)
    }

    /// Resolves when nothing is under way.
    pub(super) async fn idle(&self) {
        loop {
            let mut notified = std::pin::pin!(self.idle.notified());
            notified.as_mut().enable();
            if self.commands.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Admitted {
    /// Counts what a message was answered; to be called once, when it is.
    pub(super) fn answered(&self, outcome: &Outcome) {
        if self.messages > 0 {
            self.to.metrics.send_answered(outcome, self.since.elapsed());
        }
    }

    /// The same for one that was admitted, and refused on its way to the room.
    pub(super) fn refused(&self, error: &Error) {
        if self.messages > 0 {
            self.to.metrics.send_refused(error);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if self.messages > 0 {
            self.to.metrics.messages_waiting.decrement(1);
        }
        self.to.messages.fetch_sub(self.messages, Ordering::AcqRel);
        self.to.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        if self.to.commands.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.to.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(messages: usize, bytes: usize) -> Arc<Admission> {
        Admission::new(
            &Limits { journal_messages: messages, journal_bytes: bytes, ..Limits::default() },
            &Arc::new(Metrics::new()),
        )
    }

    #[test]
    fn messages_and_bytes_are_limited_and_given_back() {
        let admission = admission(2, 10);
        let first = admission.admit_message(4).unwrap();
        assert_eq!(admission.admit_message(7).unwrap_err(), Error::Overloaded);
        let second = admission.admit_message(6).unwrap();
        assert_eq!(admission.admit_message(0).unwrap_err(), Error::Overloaded);
        drop((first, second));
        assert!(admission.admit_message(100).is_ok(), "a single message always fits");
    }

    #[tokio::test]
    async fn idle_waits_for_the_last_one() {
        let admission = admission(1, 1);
        let place = admission.admit();
        let waiter = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(place);
        waiter.await.unwrap();
    }
}
