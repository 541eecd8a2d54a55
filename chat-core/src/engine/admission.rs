//! Admission: limits how many commands may be unanswered at once, and tells when none is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use metrics::Gauge;
use tokio::{
    sync::{Notify, Semaphore, TryAcquireError},
    time::Instant,
};

use crate::{
    Error, Limits, Sent,
    append::Op,
    engine::{metrics::Metrics, rates::Charge},
};

/// Counts the commands that are not answered yet. Those among them that store something are limited: each has a place, and whoever
/// may wait for one gets it in the order of arrival.
#[derive(Debug)]
pub(super) struct Admission {
    commands: AtomicUsize,
    idle: Notify,
    messages: Semaphore,
    changes: Semaphore,
    bytes: Semaphore,
    max_bytes: usize,
    metrics: Arc<Metrics>,
}

/// What a command takes of what may wait to be stored.
#[derive(Debug)]
pub(super) struct Cost {
    kind: Kind,
    bytes: usize,
    /// What it took of its user's rate, if that is given back to a retry.
    charge: Option<Charge>,
}

/// A command's place among those that are not answered. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Admitted {
    to: Arc<Admission>,
    cost: Cost,
    /// When the command was admitted.
    since: Instant,
}

/// What a command stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    /// It sends a message.
    Message,
    /// It appends something else that shares its transaction with others.
    Entry,
    /// It creates, changes or deletes a room.
    Change,
}

impl Cost {
    /// Of a command that stores nothing. There is always a place for one.
    pub(super) const NOTHING: Self = Self { kind: Kind::Nothing, bytes: 0, charge: None };

    /// Of what shares its transaction with others.
    pub(super) fn append(op: &Op) -> Self {
        let kind = if matches!(op, Op::Message(_)) { Kind::Message } else { Kind::Entry };
        Self { kind, bytes: op.bytes(), charge: None }
    }

    /// Of a command that creates, changes or deletes a room, with this many bytes of name and topic.
    pub(super) const fn change(bytes: usize) -> Self {
        Self { kind: Kind::Change, bytes, charge: None }
    }

    /// The same of a command that took this of its user's rate.
    pub(super) fn charged(self, charge: Option<Charge>) -> Self {
        Self { charge, ..self }
    }

    /// How many bytes of text the command has.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the command sends a message.
    pub(super) fn is_message(&self) -> bool {
        self.kind == Kind::Message
    }
}

impl Admission {
    pub(super) fn new(limits: &Limits, metrics: &Arc<Metrics>) -> Arc<Self> {
        // A command always fits when no other waits, whatever the limits are.
        let places = |limit: usize| Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS));
        Arc::new(Self {
            commands: AtomicUsize::new(0),
            idle: Notify::new(),
            messages: places(limits.journal_messages),
            changes: places(limits.journal_changes),
            bytes: places(limits.journal_bytes),
            max_bytes: limits.journal_bytes.max(1),
            metrics: Arc::clone(metrics),
        })
    }

    /// Admits a command. Refuses it as [`Error::Overloaded`] when too much waits to be stored.
    pub(super) fn try_admit(self: &Arc<Self>, cost: Cost) -> Result<Admitted, Error> {
        if let Some(places) = self.places(&cost) {
            let place = places.try_acquire().map_err(|error| not_now(&error))?;
            self.bytes.try_acquire_many(self.shares(&cost)).map_err(|error| not_now(&error))?.forget();
            place.forget();
        }
        Ok(self.admitted(cost))
    }

    /// Admits a command as soon as there is a place for it. Dropped before, it takes none.
    pub(super) async fn admit(self: &Arc<Self>, cost: Cost) -> Result<Admitted, Error> {
        if let Some(places) = self.places(&cost) {
            let place = places.acquire().await.map_err(|_closed| Error::Stopped)?;
            let bytes = self.bytes.acquire_many(self.shares(&cost)).await;
            bytes.map_err(|_closed| Error::Stopped)?.forget();
            place.forget();
        }
        Ok(self.admitted(cost))
    }

    /// Admits nothing any more that is to be stored, and lets nobody wait for it.
    pub(super) fn close(&self) {
        for places in [&self.messages, &self.changes, &self.bytes] {
            places.close();
        }
    }

    const fn places(&self, cost: &Cost) -> Option<&Semaphore> {
        match cost.kind {
            Kind::Nothing => None,
            Kind::Message | Kind::Entry => Some(&self.messages),
            Kind::Change => Some(&self.changes),
        }
    }

    /// Where a command is counted as long as it is not answered.
    fn waiting(&self, cost: &Cost) -> Option<&Gauge> {
        match cost.kind {
            Kind::Nothing => None,
            Kind::Message | Kind::Entry => Some(&self.metrics.messages_waiting),
            Kind::Change => Some(&self.metrics.changes_waiting),
        }
    }

    /// How many of the bytes there are a command takes: no more than there are.
    fn shares(&self, cost: &Cost) -> u32 {
        u32::try_from(cost.bytes.min(self.max_bytes)).unwrap_or(u32::MAX)
    }

    /// A command whose place is taken.
    fn admitted(self: &Arc<Self>, cost: Cost) -> Admitted {
        self.commands.fetch_add(1, Ordering::AcqRel);
        if let Some(waiting) = self.waiting(&cost) {
            waiting.increment(1);
        }
        Admitted { to: Arc::clone(self), cost, since: Instant::now() }
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
    /// The command was a retry: it does not count towards its user's rate.
    pub(super) fn replayed(&mut self) {
        if let Some(charge) = self.cost.charge.take() {
            charge.give_back();
        }
    }

    /// How many bytes of text the command has.
    pub(super) const fn bytes(&self) -> usize {
        self.cost.bytes
    }

    /// Whether the command stores something.
    pub(super) fn stores(&self) -> bool {
        self.cost.kind != Kind::Nothing
    }

    /// Records the answer to a message in the metrics.
    pub(super) fn sent(&self, result: &Result<Sent, Error>) {
        self.to.metrics.send_answered(result, self.since.elapsed());
    }

    /// Records that a message was refused after it had been admitted, on its way to the room.
    pub(super) fn refused(&self, error: &Error) {
        if self.cost.is_message() {
            self.to.metrics.send_refused(error);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(places) = self.to.places(&self.cost) {
            places.add_permits(1);
            self.to.bytes.add_permits(self.to.shares(&self.cost) as usize);
        }
        if let Some(waiting) = self.to.waiting(&self.cost) {
            waiting.decrement(1);
        }
        if self.to.commands.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.to.idle.notify_waiters();
        }
    }
}

/// Why there is no place now.
fn not_now(error: &TryAcquireError) -> Error {
    match error {
        TryAcquireError::NoPermits => Error::Overloaded,
        TryAcquireError::Closed => Error::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt;

    use super::*;

    fn admission(messages: usize, bytes: usize) -> Arc<Admission> {
        Admission::new(
            &Limits { journal_messages: messages, journal_changes: 2, journal_bytes: bytes, ..Limits::default() },
            &Arc::new(Metrics::new()),
        )
    }

    fn message(bytes: usize) -> Cost {
        Cost { kind: Kind::Message, bytes, charge: None }
    }

    #[test]
    fn messages_and_bytes_are_limited_and_given_back() {
        let admission = admission(2, 10);
        let first = admission.try_admit(message(4)).unwrap();
        assert_eq!(admission.try_admit(message(7)).unwrap_err(), Error::Overloaded);
        let second = admission.try_admit(message(6)).unwrap();
        assert_eq!(admission.try_admit(message(0)).unwrap_err(), Error::Overloaded);
        drop((first, second));
        assert!(admission.try_admit(message(100)).is_ok(), "a single message always fits");
    }

    #[test]
    fn changes_have_a_limit_of_their_own_and_share_the_bytes() {
        let admission = admission(1, 10);
        let sent = admission.try_admit(message(4)).unwrap();
        let changes = [admission.try_admit(Cost::change(6)).unwrap(), admission.try_admit(Cost::change(0)).unwrap()];
        assert_eq!(admission.try_admit(Cost::change(0)).unwrap_err(), Error::Overloaded, "too many");
        drop(sent);
        assert_eq!(admission.try_admit(message(5)).unwrap_err(), Error::Overloaded, "too many bytes");
        drop(changes);
        assert!(admission.try_admit(Cost::change(100)).is_ok(), "a single change always fits");
    }

    #[tokio::test]
    async fn idle_waits_for_the_last_one() {
        let admission = admission(1, 1);
        let place = admission.try_admit(Cost::NOTHING).unwrap();
        let waiter = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(place);
        waiter.await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_is_admitted_in_order_and_who_goes_takes_nothing() {
        let admission = admission(2, 10);
        let first = admission.try_admit(message(8)).unwrap();
        let (mut long, mut short) = (pin!(admission.admit(message(9))), pin!(admission.admit(message(1))));
        assert!(long.as_mut().now_or_never().is_none() && short.as_mut().now_or_never().is_none());
        assert_eq!(admission.try_admit(message(1)).unwrap_err(), Error::Overloaded, "nobody is let in before them");
        drop(first);
        let long = long.now_or_never().expect("the first in the line").unwrap();
        let mut gone = Box::pin(admission.admit(message(5)));
        assert!(short.as_mut().now_or_never().expect("there is a place, and it fits").is_ok());
        assert!(gone.as_mut().now_or_never().is_none());
        drop((gone, long));
        admission.try_admit(message(10)).expect("all is given back");
    }

    #[tokio::test]
    async fn nobody_waits_once_it_is_closed() {
        let admission = admission(1, 10);
        let first = admission.try_admit(message(0)).unwrap();
        let mut waits = pin!(admission.admit(message(0)));
        assert!(waits.as_mut().now_or_never().is_none());
        admission.close();
        assert_eq!(waits.await.unwrap_err(), Error::Stopped);
        assert_eq!(admission.try_admit(message(0)).unwrap_err(), Error::Stopped);
        drop(first);
        admission.try_admit(Cost::NOTHING).expect("what stores nothing has its place");
    }
}
