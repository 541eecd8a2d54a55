//! A session: one user's live attachment to the engine.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use futures::Stream;
use tokio::sync::oneshot;

use crate::{
    Attached, Change, Changed, Command, Departure, Draft, Error, Identity, Limits, MarkTo, Position, RoomId, Sent,
    SessionEnd, SessionId, Since, Ticket, Unread, Update,
    engine::{
        ending::Ending,
        inner::Inner,
        prepare::{Issuer, Prepared},
        session_core::SessionCore,
        subscriber::Subscriber,
    },
};

/// One live session of one user, from [`ChatEngine::connect`](crate::ChatEngine::connect). It [splits](Self::split) into
/// the half that commands and the half that listens; dropping both leaves every room ([`on_drop`](Self::on_drop) says how).
#[derive(Debug)]
pub struct Session {
    handle: SessionHandle,
    updates: Updates,
}

/// The half of a session that commands. Cheap to clone.
///
/// A command is either *submitted* ([`submit`](Self::submit)), and answered in the stream of [`Updates`], or *called* and
/// awaited (all other methods), which needs nobody to read the stream. Where too much is under way, what is submitted is refused, and
/// a call waits for its place. The commands of one session take effect per room in the order in which they were issued; of calls,
/// in that in which they got their places.
#[derive(Clone)]
pub struct SessionHandle(Arc<Handle>);

/// A [`SessionHandle`] that does not hold its session: for a registry of the host's, say.
#[derive(Clone)]
pub struct WeakSessionHandle {
    id: SessionId,
    handle: Weak<Handle>,
}

/// The half of a session that listens: one ordered stream of [`Update`]s. After an [`Update::Closed`] it ends.
///
/// Dropping it means that nothing is queued for it any more; the other half still works.
pub struct Updates(Arc<SessionCore>);

/// What the clones of a [`SessionHandle`] share: dropped with the last of them.
struct Handle(Arc<SessionCore>);

impl Session {
    pub(super) fn new(core: Arc<SessionCore>) -> Self {
        Self { handle: SessionHandle(Arc::new(Handle(Arc::clone(&core)))), updates: Updates(core) }
    }

    /// The same session, with what it shall mean that both halves are dropped: [`Departure::Closed`] (the default), its user leaves at
    /// once; or [`Departure::Lost`], they count as online for the grace, as a driver wants it whose task may be cancelled.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{Actor, ChatEngine, CloseReason, Departure, Identity, NewRoom, SessionEnd, Since};
    ///
    /// let engine = ChatEngine::builder().build().await?;
    /// let room = engine.create_room(Actor::System, NewRoom::named("general")).await?.id;
    /// let (session, updates) = engine.connect(Identity::named("Alice")?).on_drop(Departure::Lost).split();
    /// session.attach(room, Since::Now).await?;
    ///
    /// let registered = session.downgrade(); // holds nothing
    /// assert!(registered.upgrade().is_some_and(|session| session.ended().is_none()));
    /// let other = engine.connect(Identity::named("Bob")?);
    /// engine.revoke(&Identity::named("Bob")?.id).await?;
    /// let (other, _) = other.split();
    /// assert_eq!(other.ended(), Some(SessionEnd::ByEngine(CloseReason::CredentialsRevoked)));
    /// drop(session);
    /// assert!(registered.upgrade().is_none());
    /// drop(updates);
    /// assert_eq!(engine.presence(Actor::System, room).await?.count, 1); // Alice may come back
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    #[must_use]
    pub fn on_drop(self, means: Departure) -> Self {
        self.updates.0.on_drop(means);
        self
    }

    /// The two halves.
    #[must_use]
    pub fn split(self) -> (SessionHandle, Updates) {
        (self.handle, self.updates)
    }
}

impl SessionHandle {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.core().id()
    }

    /// The limits of its engine.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.core().inner.services.limits
    }

    /// Whose it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.core().identity()
    }

    /// Submits a command; its answer, good or bad, comes in the stream with the ticket.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when as many commands as may be (64 by default) are unanswered; [`Error::Unavailable`] when the
    /// session has ended; [`Error::Stopped`] when the engine stops; [`Error::TooMany`] when it was one session too many.
    pub fn submit(&self, command: Command) -> Result<Ticket, Error> {
        let core = self.core();
        core.try_place()?;
        let ticket = core.next_ticket();
        let (inner, issuer) = core.issuer();
        match command {
            Command::Attach { room, since, presence } => {
                core.submit(ticket, inner.prepare_attach(issuer, room, since, presence));
            }
            Command::Watch { room } => core.start_watch(ticket, room, None),
            Command::Detach { room } => core.submit(ticket, inner.prepare_detach(issuer, room)),
            Command::Send { room, draft } => {
                core.submit(ticket, inner.prepare_session_send(issuer, room, draft));
            }
            Command::Change { room, change } => {
                core.submit(ticket, inner.prepare_session_change(issuer, room, change));
            }
            Command::Mark { room, to } => core.submit(ticket, inner.prepare_session_mark(issuer, room, to)),
            Command::Typing { room, is_typing } => {
                core.submit(ticket, inner.prepare_typing(issuer, room, is_typing));
            }
        }
        Ok(ticket)
    }

    /// How many commands could be submitted now. 0: stop reading from the client.
    #[must_use]
    pub fn free_tickets(&self) -> usize {
        self.core().free_places()
    }

    /// Attaches, shown as online, and waits for the answer. What follows the answer's `head` comes in the stream.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::AlreadyAttached`] (nothing changes), [`Error::TooMany`] rooms,
    /// [`Error::NotAttached`] when a detach overtook it, what the policy says, [`Error::Overloaded`] or
    /// [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropped while it waits for a place, nothing happens. Dropped later, the session is
    /// attached all the same, and the gap is lost: detach, and attach again.
    pub async fn attach(&self, room: RoomId, since: Since) -> Result<Attached, Error> {
        self.attach_as(room, since, true).await
    }

    /// Attaches without being shown as online, and waits for the answer.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    ///
    /// # Cancel safety
    /// As [`attach`](Self::attach).
    pub async fn observe(&self, room: RoomId, since: Since) -> Result<Attached, Error> {
        self.attach_as(room, since, false).await
    }

    /// Watches a room and waits for the answer, which says where the room's log ends. From then on the stream tells at most
    /// once a second that something has happened there ([`Notice::Activity`](crate::Notice::Activity)): a message, or a change of
    /// the newest one. Nobody sees who watches, and it costs the room nothing. To attach to the room replaces the watch.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::AlreadyAttached`] if the session watches the room, or is attached to it;
    /// [`Error::TooMany`] rooms, what the policy says, [`Error::Overloaded`] or [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropped while it waits for a place, nothing happens; later, the room is watched all the
    /// same.
    pub async fn watch(&self, room: RoomId) -> Result<Position, Error> {
        let core = self.core();
        core.place().await?.forget();
        let (call, answer) = oneshot::channel();
        core.start_watch(core.next_ticket(), room, Some(call));
        answer.await.unwrap_or(Err(Error::Unavailable))
    }

    /// Detaches, or ends the watch, and waits for the answer; it is no error not to be attached. No event, signal or activity of
    /// the room is put into the stream after it.
    ///
    /// # Errors
    /// [`Error::Overloaded`] or [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropped while it waits for a place, nothing happens; later, it is done all the same.
    pub async fn detach(&self, room: RoomId) -> Result<(), Error> {
        self.call(|inner, issuer| inner.prepare_detach(issuer, room)).await
    }

    /// Sends a message and waits until it is durable. Needs no attachment. Where as much as may be waits to be stored, it waits for
    /// its place first, for [`Limits::place_wait`] or what
    /// [`ChatEngine::waiting_at_most`](crate::ChatEngine::waiting_at_most) says.
    ///
    /// # Errors
    /// [`Error::EmptyMessage`], [`Error::TooLong`], [`Error::InvalidField`], [`Error::RoomNotFound`],
    /// [`Error::IdempotencyMismatch`], what the policy says, [`Error::RateLimited`]; [`Error::Overloaded`],
    /// [`Error::Unavailable`] or [`Error::StorageFull`] when nothing was stored; [`Error::OutcomeUnknown`] when it may have
    /// been.
    ///
    /// # Cancel safety
    /// Dropped while it waits for a place, nothing happens; later, the message is stored all
    /// the same. Whoever is not sure sends it again with the same key.
    pub async fn send(&self, room: RoomId, draft: Draft) -> Result<Sent, Error> {
        self.call(|inner, issuer| inner.prepare_session_send(issuer, room, draft)).await
    }

    /// Changes a message that is there: edits or deletes it, reacts to it, pins it. Needs no attachment. What would change
    /// nothing is answered as [`Changed::Unchanged`].
    ///
    /// # Errors
    /// [`Error::MessageNotFound`]; [`Error::MessageDeleted`] for what only a living message can have; [`Error::Forbidden`] for
    /// another's message; [`Error::TooMany`] edits, reactions, pins or mentions; and as [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn change(&self, room: RoomId, change: Change) -> Result<Changed, Error> {
        self.call(|inner, issuer| inner.prepare_session_change(issuer, room, change)).await
    }

    /// Marks a room as read up to a number, and says what is unread beyond it. Needs no attachment.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], what the policy says; [`Error::Overloaded`], [`Error::Unavailable`] or [`Error::StorageFull`]
    /// when nothing was stored; [`Error::OutcomeUnknown`] when it may have been: marking again does no harm.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn mark(&self, room: RoomId, to: MarkTo) -> Result<Unread, Error> {
        let marked = self.call(|inner, issuer| inner.prepare_session_mark(issuer, room, to)).await?;
        Ok(marked.unread)
    }

    /// Shows, or stops showing, that one is typing. To be refreshed at most every 3 s.
    ///
    /// # Errors
    /// [`Error::NotAttached`], [`Error::RoomNotFound`], what the policy says, [`Error::Overloaded`] or
    /// [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropped while it waits for a place, nothing happens; later, it is done all the same.
    pub async fn typing(&self, room: RoomId, is_typing: bool) -> Result<(), Error> {
        self.call(|inner, issuer| inner.prepare_typing(issuer, room, is_typing)).await
    }

    /// Whether it has ended: closed, lost, lagged, or with the engine. The stream, which may still hold earlier updates,
    /// says why.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.core().has_ended()
    }

    /// How it has ended, if it has. The stream may still hold earlier updates.
    #[must_use]
    pub fn ended(&self) -> Option<SessionEnd> {
        self.core().end_told()
    }

    /// A handle that does not hold the session.
    #[must_use]
    pub fn downgrade(&self) -> WeakSessionHandle {
        WeakSessionHandle { id: self.id(), handle: Arc::downgrade(&self.0) }
    }

    /// Ends the session on purpose: its user leaves at once. (Dropping both halves does the same.) What is in the stream
    /// can still be read.
    pub fn close(&self) {
        self.core().end(Ending::CLOSED);
    }

    /// Ends the session as lost, because no close was seen: its user counts as online for the grace.
    pub fn disconnect_lost(&self) {
        self.core().end(Ending::LOST);
    }

    fn core(&self) -> &Arc<SessionCore> {
        &self.0.0
    }

    async fn attach_as(&self, room: RoomId, since: Since, presence: bool) -> Result<Attached, Error> {
        self.call(|inner, issuer| inner.prepare_attach(issuer, room, since, presence)).await
    }

    /// Issues a command, and waits for the answer.
    async fn call<T>(
        &self,
        prepare: impl FnOnce(&Inner, Issuer<'_>) -> Result<Prepared<T>, Error>,
    ) -> Result<T, Error> {
        let core = self.core();
        let place = core.place().await?;
        let (inner, issuer) = core.issuer();
        let ready = core.ready(prepare(inner, issuer)?).await?;
        // From here on nothing waits until the command is on its way.
        place.forget();
        let ticket = core.next_ticket();
        let (call, answer) = oneshot::channel();
        // Until this is dropped, here or with the caller, a gap that comes counts as in flight.
        let _taken = ready.wants_gap.then(|| TakesGap(core, ticket));
        core.start(ticket, Ok(ready), Some(call));
        // Unanswered it is dropped only when the runtime goes down.
        answer.await.unwrap_or(Err(Error::OutcomeUnknown))
    }
}

impl WeakSessionHandle {
    /// The session's id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// A handle that holds the session, unless all of those are gone. (It may have [ended](SessionHandle::ended) nevertheless.)
    #[must_use]
    pub fn upgrade(&self) -> Option<SessionHandle> {
        self.handle.upgrade().map(SessionHandle)
    }
}

impl Updates {
    /// How the session has ended, if it has: for when the stream is over.
    #[must_use]
    pub fn ended(&self) -> Option<SessionEnd> {
        self.0.end_told()
    }

    /// The next update; `None` after the last one. (`Updates` is a [`Stream`], too.)
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost: the update comes with the next call.
    pub async fn next(&mut self) -> Option<Update> {
        poll_fn(|cx| self.0.poll_update(Some(cx))).await
    }

    /// The next update if there is one now: for a driver that gathers what is waiting into one write.
    pub fn try_next(&mut self) -> Option<Update> {
        match self.0.poll_update(None) {
            Poll::Ready(update) => update,
            Poll::Pending => None,
        }
    }
}

impl Stream for Updates {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        self.0.poll_update(Some(cx))
    }
}

impl Drop for Updates {
    fn drop(&mut self) {
        self.0.reader_gone();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.handle_gone();
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle").field("id", &self.id()).field("identity", self.identity()).finish()
    }
}

impl fmt::Debug for WeakSessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSessionHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").field("session", &self.0.id()).finish_non_exhaustive()
    }
}

/// Says, when dropped, that the caller has taken its gap or is gone.
struct TakesGap<'a>(&'a Arc<SessionCore>, Ticket);

impl Drop for TakesGap<'_> {
    fn drop(&mut self) {
        self.0.gap_taken(self.1);
    }
}
