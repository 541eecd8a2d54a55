//! The outbox: messages that the host queues in transactions of its own are taken into the logs when these are committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::Duration,
};

use futures::future::join_all;
use tokio::{sync::Notify, time::sleep};

use crate::{
    Actor, ChatEngine, Draft, Error, OutboxFailure, OutboxId, Retry, RoomId, Sent,
    append::Op,
    engine::{
        admission::Cost,
        inner::Inner,
        prepare::{check_room, event_key},
        reply::{Responder, ToEither},
        services::Services,
    },
    failpoints::{self, Point},
    outbox::{InOutbox, OutboxEntry, Unreadable, Waiting},
    store::{HostTransaction, Outbox},
    text::check_message,
};

/// A message that is queued in a transaction of the host's: it is sent when the transaction is committed.
#[derive(Debug, Clone)]
pub struct Queued {
    wake: Arc<Notify>,
    sent: Option<Sent>,
}

impl Queued {
    /// The message, if one with the same key and content was sent before. Then nothing is queued.
    #[must_use]
    pub const fn sent(&self) -> Option<&Sent> {
        self.sent.as_ref()
    }

    /// Says that the transaction was committed, so that the message is sent at once. Without this, the engine finds that out
    /// by itself: it looks some milliseconds later, then less and less often, and at least once per second.
    pub fn committed(self) {
        self.wake.notify_one();
    }
}

impl ChatEngine {
    /// Sends a message with a transaction of the host's: it is sent if that is committed, and else it never was.
    ///
    /// The host's word counts, now and later: neither the author's rights nor the [`Policy`](crate::Policy) nor a rate is asked. What
    /// could not be sent now is refused now, and leaves nothing in the transaction. Behind the commit the message gets its number
    /// and is published, once, whatever fails meanwhile; in each room, messages that were queued one after the other keep their
    /// order. Then only the end of its room can refuse it, or what it replies to being gone, or another message that has taken its
    /// key: it stays among the [`outbox_failures`](Self::outbox_failures).
    ///
    /// The transaction locks nothing of the room's, so others send there meanwhile. In an SQLite file, however, a
    /// transaction that writes keeps *everyone* from writing until it ends: keep it short, or give the engine a file of its own.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`Error::InvalidField`] (`transaction`) if it is not in the engine's database; without a
    /// user as the author [`Error::Unauthenticated`]. After [`Error::Unavailable`] the transaction may be of no use any more.
    ///
    /// # Cancel safety
    /// Dropped, the message may be in the transaction or not: roll it back, or queue it again with the same key.
    pub async fn send_in(
        &self,
        transaction: &impl HostTransaction,
        author: impl Into<Actor>,
        room: RoomId,
        draft: Draft,
    ) -> Result<Queued, Error> {
        let inner = self.inner();
        let services = &inner.services;
        let actor = author.into();
        services.check_running()?;
        check_room(room)?;
        let author = actor.user().cloned().ok_or(Error::Unauthenticated)?;
        services.locked_out.check(&author.id)?;
        check_message(&draft.body.content, services.limits.message_chars)?;
        draft.body.check_extras()?;
        let key = event_key(&actor, draft.key.as_deref())?;
        let entry = OutboxEntry { room, author, key, body: draft.body, at: services.clock.now().wall };
        let queued = services.read(services.outbox()?.queue(transaction, &entry).await)??;
        inner.outbox.notify_one();
        let sent = if let InOutbox::Sent(sent) = queued { Some(sent) } else { None };
        Ok(Queued { wake: Arc::clone(&inner.outbox), sent })
    }

    /// The messages that were queued by [`send_in`](Self::send_in) and could not be sent, the oldest first; at most 1,000.
    ///
    /// # Errors
    /// [`Error::Overloaded`], [`Error::Unavailable`], [`Error::Stopped`]; [`Error::InvalidField`] (`transaction`) where there is no
    /// outbox, as in memory.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn outbox_failures(&self) -> Result<Vec<OutboxFailure>, Error> {
        let services = &self.inner().services;
        services.check_running()?;
        services.read(services.outbox()?.failures(FAILURES).await)
    }

    /// Removes a message from the [`outbox_failures`](Self::outbox_failures). Returns whether it was there.
    ///
    /// # Errors
    /// As [`outbox_failures`](Self::outbox_failures), and [`Error::StorageFull`].
    ///
    /// # Cancel safety
    /// Dropped, it may be removed or not. To do it again does no harm.
    pub async fn forget_outbox_failure(&self, id: OutboxId) -> Result<bool, Error> {
        let services = &self.inner().services;
        services.check_running()?;
        services.read(services.outbox()?.forget(id).await)
    }
}

impl Services {
    fn outbox(&self) -> Result<&dyn Outbox, Error> {
        self.store.outbox().ok_or_else(|| Error::invalid_field("transaction", "this store knows no transactions"))
    }
}

/// Takes what waits, until the engine stops: when it is told to, and from then on less and less often. What was committed by a process
/// that died then is found by the first look.
pub(super) async fn run(inner: Weak<Inner>) {
    let Some((mut stop, wake)) =
        inner.upgrade().map(|inner| (inner.services.lifecycle.stop(), Arc::clone(&inner.outbox)))
    else {
        return;
    };
    let mut pause = FIRST_LOOK;
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let look = async move {
            let mut stuck = BTreeSet::new();
            while strong.take_from_outbox(&mut stuck).await {}
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = look => {}
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = wake.notified() => pause = FIRST_LOOK,
            () = sleep(pause) => pause = (pause * 2).min(SWEEP),
        }
    }
}

impl Inner {
    /// Takes some messages into the logs, in each room in the order in which they were queued. Rooms where that does not go now join
    /// those that are `stuck`, so that they do not keep others waiting. Returns whether there may be more that can be taken now.
    async fn take_from_outbox(&self, stuck: &mut BTreeSet<RoomId>) -> bool {
        let Some(outbox) = self.services.store.outbox() else { return false };
        if self.services.breaker.check().is_err() {
            return false;
        }
        // Until what is read here is stored, whoever it names is not erased.
        let _writing = self.services.locked_out.write().await;
        let except: Vec<_> = stuck.iter().copied().collect();
        let Ok(waiting) = self.services.read(outbox.waiting(&except, BATCH).await) else { return false };
        let is_full = waiting.len() == BATCH;
        if waiting.is_empty() {
            return false;
        }
        failpoints::reached(Point::InOutbox);
        let mut rooms = BTreeMap::<RoomId, Vec<_>>::new();
        for message in waiting {
            rooms.entry(message.entry.room).or_default().push(message);
        }
        let (mut taken, mut all_settled) = (Vec::new(), true);
        let results = rooms.into_iter().map(async |(room, entries)| (room, self.take_in_order(entries).await));
        for (room, results) in join_all(results).await {
            for (id, became) in results {
                match became {
                    Became::Sent => taken.push(id),
                    Became::Refused(code) => all_settled &= self.services.read(outbox.failed(id, code).await).is_ok(),
                    Became::Held | Became::NotSent => drop(stuck.insert(room)),
                }
            }
        }
        if !taken.is_empty() {
            failpoints::reached(Point::InOutbox);
            all_settled &= self.services.read(outbox.taken(&taken).await).is_ok();
            failpoints::reached(Point::InOutbox);
        }
        is_full && all_settled && stuck.len() < STUCK
    }

    /// Takes messages into the log of their room, each when the one before it is there. If one cannot be sent now, those behind it wait
    /// for it, and so they do if its key is missing.
    async fn take_in_order(&self, messages: Vec<Waiting>) -> Vec<(OutboxId, Became)> {
        let mut results = Vec::new();
        for Waiting { id, entry, unreadable } in messages {
            let became = match unreadable {
                None => self.take(entry).await,
                Some(unreadable) => self.cannot_be_sent(entry.room, unreadable.code()),
            };
            results.push((id, became));
            if became == Became::NotSent || unreadable == Some(Unreadable::KeyMissing) {
                break;
            }
        }
        results
    }

    /// Takes a message into the log. If that has happened already, it is found by its key.
    async fn take(&self, OutboxEntry { room, author, key, body, .. }: OutboxEntry) -> Became {
        let op = Op::Message(body);
        let cost = Cost::append(&op);
        let request = self.request(None, &Actor::SystemAs(author), key, op);
        // Without a place it stays in the outbox, where nobody waits for it.
        let sent = self.call(room, (request, cost), Duration::ZERO, |to| Responder::Send(ToEither::Call(to))).await;
        match sent {
            Ok(_) => Became::Sent,
            // Nothing else forbids it.
            Err(Error::Forbidden) => Became::Held,
            // It waits for the engine that comes next.
            Err(Error::Stopped) => Became::NotSent,
            // A fault of ours, or of the database: the message is as good as before.
            Err(Error::Internal) => Became::NotSent,
            Err(error) if error.retry() == Retry::No => self.cannot_be_sent(room, error.code()),
            Err(_) => Became::NotSent,
        }
    }

    /// Tells that a message cannot be sent.
    fn cannot_be_sent(&self, room: RoomId, code: &'static str) -> Became {
        self.services.metrics.outbox_failed.increment(1);
        tracing::warn!(room.id = room.0, error = code, "a message of the outbox cannot be sent");
        Became::Refused(code)
    }
}

/// What became of a message that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// It is in the log.
    Sent,
    /// It never will be, for the reason with this code.
    Refused(&'static str),
    /// Its author is being erased. It waits, and then it is nobody's.
    Held,
    /// Not now.
    NotSent,
}

/// How many messages are taken at once.
const BATCH: usize = 256;
/// With how many rooms where nothing goes now it is not looked for more.
const STUCK: usize = 256;
/// How many of those that failed are listed.
const FAILURES: usize = 1_000;
/// How long after a message was queued it is looked for first. A transaction is rarely shorter.
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// The longest time between two looks.
const SWEEP: Duration = Duration::from_secs(1);
