//! Admission: limits how many commands may be unanswered at once, and tells when none is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    Error, Limits, Sent,
    engine::{metrics::Metrics, rates::Charge},
};

/// Counts the commands that are not answered yet. Those among them that store something are limited.
#[derive(Debug)]
pub(super) struct Admission {
    commands: AtomicUsize,
    messages: AtomicUsize,
    changes: AtomicUsize,
    bytes: AtomicUsize,
    idle: Notify,
    max_messages: usize,
    max_changes: usize,
    max_bytes: usize,
    metrics: Arc<Metrics>,
}

/// A command's place among those that are not answered. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Admitted {
    to: Arc<Admission>,
    kind: Kind,
    bytes: usize,
    /// When the command was admitted.
    since: Instant,
    /// What it took of its user's rate, if that is given back to a retry.
    charge: Option<Charge>,
}

/// What a command stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    /// It stores a message.
    Message,
    /// It creates, changes or deletes a room.
    Change,
}

impl Admission {
    pub(super) fn new(limits: &Limits, metrics: &Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            commands: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
            changes: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            idle: Notify::new(),
            max_messages: limits.journal_messages,
            max_changes: limits.journal_changes,
            max_bytes: limits.journal_bytes,
            metrics: Arc::clone(metrics),
        })
    }

    /// Admits a command that stores nothing. There is always a place for one.
    pub(super) fn admit(self: &Arc<Self>) -> Admitted {
        self.commands.fetch_add(1, Ordering::AcqRel);
        Admitted { to: Arc::clone(self), kind: Kind::Nothing, bytes: 0, since: Instant::now(), charge: None }
    }

    /// Admits a message with this many bytes of text. Refuses it as [`Error::Overloaded`] when too much waits to be stored.
    pub(super) fn admit_message(self: &Arc<Self>, bytes: usize) -> Result<Admitted, Error> {
        self.metrics.messages_waiting.increment(1);
        self.admit_limited(Kind::Message, bytes, (&self.messages, self.max_messages))
    }

    /// Admits a command that creates, changes or deletes a room, with this many bytes of name and topic. Refuses it as
    /// [`Error::Overloaded`] when too much waits to be stored.
    pub(super) fn admit_change(self: &Arc<Self>, bytes: usize) -> Result<Admitted, Error> {
        self.metrics.changes_waiting.increment(1);
        self.admit_limited(Kind::Change, bytes, (&self.changes, self.max_changes))
    }

    fn admit_limited(
        self: &Arc<Self>,
        kind: Kind,
        bytes: usize,
        (waiting, most): (&AtomicUsize, usize),
    ) -> Result<Admitted, Error> {
        // The place is taken first and given back on refusal, so that two callers cannot both take the last one.
        self.commands.fetch_add(1, Ordering::AcqRel);
        let count = waiting.fetch_add(1, Ordering::AcqRel) + 1;
        let total = self.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let admitted = Admitted { to: Arc::clone(self), kind, bytes, since: Instant::now(), charge: None };
        // A command always fits when no other waits, whatever the limits are.
        if count > most.max(1) || (total > self.max_bytes && total > bytes) {
            return Err(Error::Overloaded);
        }
        Ok(admitted)
    }

    /// Resolves when every command is answered.
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
    /// The same for a command that took this of its user's rate.
    pub(super) fn charged(mut self, charge: Option<Charge>) -> Self {
        self.charge = charge;
        self
    }

    /// The command was a retry: it does not count towards its user's rate.
    pub(super) fn replayed(&mut self) {
        if let Some(charge) = self.charge.take() {
            charge.give_back();
        }
    }

    /// How many bytes of text the command has.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records the answer to a message in the metrics.
    pub(super) fn sent(&self, result: &Result<Sent, Error>) {
        self.to.metrics.send_answered(result, self.since.elapsed());
    }

    /// Records that a message was refused after it had been admitted, on its way to the room.
    pub(super) fn refused(&self, error: &Error) {
        if self.kind == Kind::Message {
            self.to.metrics.send_refused(error);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        match self.kind {
            Kind::Nothing => {}
            Kind::Message => {
                self.to.metrics.messages_waiting.decrement(1);
                self.to.messages.fetch_sub(1, Ordering::AcqRel);
            }
            Kind::Change => {
                self.to.metrics.changes_waiting.decrement(1);
                self.to.changes.fetch_sub(1, Ordering::AcqRel);
            }
        }
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
            &Limits { journal_messages: messages, journal_changes: 2, journal_bytes: bytes, ..Limits::default() },
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

    #[test]
    fn changes_have_a_limit_of_their_own_and_share_the_bytes() {
        let admission = admission(1, 10);
        let message = admission.admit_message(4).unwrap();
        let changes = [admission.admit_change(6).unwrap(), admission.admit_change(0).unwrap()];
        assert_eq!(admission.admit_change(0).unwrap_err(), Error::Overloaded, "too many");
        drop(message);
        assert_eq!(admission.admit_message(5).unwrap_err(), Error::Overloaded, "too many bytes");
        drop(changes);
        assert!(admission.admit_change(100).is_ok(), "a single change always fits");
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
