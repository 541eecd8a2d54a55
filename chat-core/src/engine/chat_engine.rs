//! The engine's front door.

use std::{sync::Arc, time::Duration};

use crate::{
    Action, Actor, Change, Changed, Draft, Epoch, Error, EventKind, HistoryFrom, HistoryPage, HistoryQuery, Identity,
    Keep, Limits, MarkTo, NewRoom, Notice, Presence, Room, RoomChange, RoomId, RoomKind, RoomName, RoomPage, RoomQuery,
    Sent, Seq, Session, Topic, Unread, UpdatedRoom, UserId,
    append::{AppendFailure, EventKey, Op, RoomRecord, RoomUpdate},
    engine::{
        admission::Cost,
        ending::Ending,
        inner::Inner,
        prepare::{MAX_SEQ, check_room, event_key, generated_key},
        rates::Rated,
        reply::{Responder, ToEither},
        session_core::SessionCore,
    },
    fold,
    rights::RoomAction,
    store::{HostTransaction, StoreError},
    text::MAX_EXTERNAL,
};

/// A chat engine. Cheap to clone; all clones are the same engine, which stops when the last of them is dropped.
///
/// An [`Actor`] makes each call: a user ([`Identity`]), [`Actor::Anonymous`], or the host itself ([`Actor::System`]), for
/// whom the [`Policy`](crate::Policy) is not asked.
#[derive(Debug, Clone)]
pub struct ChatEngine {
    owner: Arc<Owner>,
    /// How long a call waits for its place.
    pub(super) patience: Duration,
}

/// Stops the engine with its last handle.
#[derive(Debug)]
struct Owner(Arc<Inner>);

/// The health of an engine.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it takes commands and its database stores.
    pub ready: bool,
    /// Why not, if not: the error that sends get.
    pub reason: Option<Error>,
    /// How many sessions there are.
    pub sessions: usize,
}

impl ChatEngine {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let patience = inner.services.limits.place_wait;
        Self { owner: Arc::new(Owner(inner)), patience }
    }

    /// The limits it was built with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner().services.limits
    }

    /// The epoch of its database: the history that all [positions](crate::Position) of this engine belong to. It stays the same as
    /// long as the engine runs.
    #[must_use]
    pub fn epoch(&self) -> &Epoch {
        &self.inner().services.epoch
    }

    /// Starts a session. Over a limit on sessions, its stream ends at once with
    /// [`CloseReason::TooManySessions`](crate::CloseReason::TooManySessions).
    #[must_use]
    pub fn connect(&self, identity: Identity) -> Session {
        Session::new(SessionCore::connect(self.inner(), identity, self.patience))
    }

    /// Creates a room.
    ///
    /// # Errors
    /// [`Error::InvalidField`], [`Error::NameTaken`] with the room that has the name (if they may read it), what the policy says,
    /// [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`]; [`Error::OutcomeUnknown`] when it may have
    /// been created.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the room is created all the same.
    pub async fn create_room(&self, actor: impl Into<Actor>, new: NewRoom) -> Result<Room, Error> {
        let inner = self.inner();
        let actor = actor.into();
        let row = inner.prepare_room(&actor, new)?;
        inner.services.breaker.check()?;
        inner.rate(&actor, Rated::Rooms)?;
        let cost = Cost::change(row.name.as_str().len() + row.topic.as_str().len());
        match inner.make_room(row, cost, self.patience).await {
            Ok(room) => Ok(room),
            Err(error) => Err(inner.shown(error, &actor).await),
        }
    }

    /// Creates a room within a transaction of the host's: it is there when that is committed, and its id is known at once.
    ///
    /// # Errors
    /// As [`create_room`](Self::create_room), and [`Error::InvalidField`] (`transaction`) if it is not in the engine's database. After
    /// [`Error::Unavailable`] or [`Error::NameTaken`] without a room, the transaction may be of no use any more.
    ///
    /// # Cancel safety
    /// Dropped, the room may be in the transaction or not: roll it back.
    pub async fn create_room_in(
        &self,
        transaction: &impl HostTransaction,
        actor: impl Into<Actor>,
        new: NewRoom,
    ) -> Result<Room, Error> {
        let inner = self.inner();
        let actor = actor.into();
        let row = inner.prepare_room(&actor, new)?;
        inner.rate(&actor, Rated::Rooms)?;
        // Whether the engine can write says nothing of this transaction, which may be what keeps it from that.
        match inner.services.read(inner.services.store.create_room_in(transaction, &row).await)? {
            Some(Ok(room)) => Ok(room),
            Some(Err(holder)) => Err(inner.shown(Error::NameTaken { room: holder.map(Box::new) }, &actor).await),
            None => Err(Error::foreign_transaction()),
        }
    }

    /// Changes a room's name or topic, or both with one event. If nothing differs, there is no event.
    ///
    /// # Errors
    /// [`Error::InvalidField`] also when nothing is given, [`Error::RoomNotFound`], [`Error::NameTaken`] with the room that
    /// has the name (if they may read it), what the policy says, [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`];
    /// [`Error::OutcomeUnknown`] when it may have been changed.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the room is changed all the same.
    pub async fn update_room(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        change: RoomChange,
    ) -> Result<UpdatedRoom, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        check_room(room)?;
        inner.services.check(&actor, Action::UpdateRoom(room, &change))?;
        let name = change.name.as_deref().map(RoomName::new).transpose()?;
        let topic = change.topic.as_deref().map(Topic::new).transpose()?;
        let (kind, invites) = (change.kind, change.invites);
        if name.is_none() && topic.is_none() && kind.is_none() && invites.is_none() {
            return Err(Error::invalid_field("name", "give a name or a topic"));
        }
        if kind == Some(RoomKind::Direct) {
            return Err(Error::invalid_field("kind", "must be public or private"));
        }
        let key = event_key(&actor, change.key.as_deref())?;
        let op = Op::UpdateRoom(RoomUpdate { name, topic, kind, invites });
        let before = self.read_room(room).await.ok();
        let changed = match self.alter(&actor, room, key, op).await {
            Ok(changed) => changed,
            Err(error) => return Err(inner.shown(error, &actor).await),
        };
        let room = match self.read_room(room).await {
            Ok(room) => room,
            // Somebody has deleted it since: it is told as it became.
            Err(Error::RoomNotFound) => {
                before.and_then(|before| updated(before, &changed)).ok_or(Error::RoomNotFound)?
            }
            // It was changed: what cannot be read now may be asked for again, and is found unchanged.
            Err(_) => return Err(Error::OutcomeUnknown),
        };
        Ok(UpdatedRoom { room, replayed: changed.is_replay() })
    }

    /// Deletes a room and its messages. Every attached session gets this as the last event, and is detached.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], what the policy says, [`Error::Overloaded`], [`Error::Unavailable`],
    /// [`Error::StorageFull`]; [`Error::OutcomeUnknown`] when it may have been deleted.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the room is deleted all the same.
    pub async fn delete_room(&self, actor: impl Into<Actor>, room: RoomId) -> Result<(), Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        check_room(room)?;
        inner.services.check(&actor, Action::DeleteRoom(room))?;
        self.alter(&actor, room, generated_key(), Op::DeleteRoom).await.map(drop)
    }

    /// Keeps a part of a room's log, and drops what is older: no reader finds it from now on, and it is removed from the
    /// database in the background. Returns the number of the first event that is kept. What was pruned already stays so.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`];
    /// [`Error::OutcomeUnknown`] when it may have been done: to do it again does no harm.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the log is pruned all the same.
    pub async fn prune(&self, room: RoomId, keep: Keep) -> Result<Seq, Error> {
        self.inner().prune(room, keep, self.patience).await
    }

    /// A room.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn room(&self, actor: impl Into<Actor>, room: RoomId) -> Result<Room, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        check_room(room)?;
        inner.services.check(&actor, Action::ReadRoom(room))?;
        let room = inner.in_room(&actor, room, RoomAction::Read).await?;
        inner.with_peer(&actor, room).await
    }

    /// A room by its name, ignoring case.
    ///
    /// # Errors
    /// [`Error::InvalidField`] for U+0000, [`Error::RoomNotFound`], [`Error::Banned`], what the policy says of the room,
    /// [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn room_by_name(&self, actor: impl Into<Actor>, name: &str) -> Result<Room, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        check_text("name", name)?;
        let room = inner.services.store.room_by_name(&fold::name_key(name)).await;
        inner.found_room(&actor, room).await
    }

    /// A room by the host's own key for it ([`NewRoom::external`]).
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says of the room, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn room_by_external(&self, actor: impl Into<Actor>, external: &str) -> Result<Room, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        check_external(external)?;
        let room = inner.services.store.room_by_external(external).await;
        inner.found_room(&actor, room).await
    }

    /// A page of rooms, by id.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`limit` outside 1–100, `q` with U+0000, more than 100 `ids`), what the policy says, [`Error::Overloaded`] when
    /// too many searches run, [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn rooms(&self, actor: impl Into<Actor>, mut query: RoomQuery) -> Result<RoomPage, Error> {
        let inner = self.inner();
        inner.services.check_running()?;
        let actor = actor.into();
        inner.services.check(&actor, Action::ListRooms)?;
        check_limit(query.limit, 100)?;
        query.ids = query.ids.map(|ids| known_ids(&ids)).transpose()?;
        if let Some(part) = query.name_contains.take() {
            check_text("q", &part)?;
            query.name_contains = Some(fold::fold(&part)).filter(|part| !part.is_empty());
        }
        inner.rate(&actor, if query.name_contains.is_some() { Rated::Searches } else { Rated::History })?;
        query.after = query.after.map(|after| after.min(RoomId(MAX_SEQ.0)));
        let page = inner.services.read(inner.services.store.rooms(&query, &inner.viewer(&actor)?).await)?;
        let mut rooms: Vec<_> = page.rooms.into_iter().map(|room| inner.with_online(room)).collect();
        inner.find_peers(&actor, rooms.iter_mut()).await?;
        Ok(RoomPage { rooms, next: page.next })
    }

    /// A page of a room's messages, oldest first. Its `head` is a position to attach from.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`limit` outside 1–100), [`Error::RoomNotFound`], [`Error::Banned`], what the policy says,
    /// [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn history(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        page: HistoryQuery,
    ) -> Result<HistoryPage, Error> {
        let inner = self.inner();
        inner.services.check_running()?;
        check_room(room)?;
        let actor = actor.into();
        inner.services.check(&actor, Action::ReadRoom(room))?;
        check_limit(page.limit, 100)?;
        inner.rate(&actor, Rated::History)?;
        let page = HistoryQuery { from: bounded(page.from), ..page };
        let read = inner.services.store.history(room, page, actor.user().map(|user| &user.id)).await;
        inner.shown_to(&actor, room, read).await?.ok_or(Error::RoomNotFound)
    }

    /// Who is online in a room.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn presence(&self, actor: impl Into<Actor>, room: RoomId) -> Result<Presence, Error> {
        let inner = self.inner();
        inner.services.check_running()?;
        check_room(room)?;
        let actor = actor.into();
        inner.services.check(&actor, Action::ReadRoom(room))?;
        let presence = inner.hub.presence(room);
        inner.in_room(&actor, room, RoomAction::Read).await?;
        Ok(presence.map(|presence| Presence::clone(&presence)).unwrap_or_default())
    }

    /// Sends a message without a session, and waits until it is durable. Where as much as may be waits to be stored, it waits for its
    /// place first: in the order of arrival, for [`Limits::place_wait`] or what [`waiting_at_most`](Self::waiting_at_most) says.
    ///
    /// # Errors
    /// As [`SessionHandle::send`](crate::SessionHandle::send); [`Error::Unauthenticated`] when the actor is in nobody's name.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the message is stored all the same. If you are not sure, send it
    /// again with the same key.
    pub async fn send(&self, actor: impl Into<Actor>, room: RoomId, draft: Draft) -> Result<Sent, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let prepared = inner.prepare_send(None, &actor, room, draft)?;
        inner.call(room, prepared, self.patience, |to| Responder::Send(ToEither::Call(to))).await
    }

    /// Changes a message that is there, without a session: edits or deletes it, reacts to it, pins it. What would change
    /// nothing is answered as [`Changed::Unchanged`].
    ///
    /// # Errors
    /// As [`SessionHandle::change`](crate::SessionHandle::change); [`Error::Unauthenticated`] when a user is needed and the actor
    /// is in nobody's name.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the change is stored all the same. If you are not sure, make it
    /// again with the same key.
    pub async fn change(&self, actor: impl Into<Actor>, room: RoomId, change: Change) -> Result<Changed, Error> {
        self.inner().change(&actor.into(), room, change, self.patience).await
    }

    /// Marks a room as read up to a number, and says what is unread beyond it.
    ///
    /// # Errors
    /// As [`SessionHandle::mark`](crate::SessionHandle::mark); [`Error::Unauthenticated`] when the actor is in nobody's name.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the mark is stored all the same.
    pub async fn mark(&self, actor: impl Into<Actor>, room: RoomId, to: MarkTo) -> Result<Unread, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let prepared = inner.prepare_mark(None, &actor, room, to)?;
        let marked = inner.call(room, prepared, self.patience, |to| Responder::Mark(ToEither::Call(to))).await?;
        Ok(marked.unread)
    }

    /// Says that another process has stored events of a room, up to `head`: for a host that runs several engines on a
    /// [shared](crate::store::Store::is_shared) store, and tells each what the others do. If the room is active here, the
    /// engine reads what it has not seen, and shows it. A hint that is late, doubled or wrong does no harm, and one that is
    /// lost is made up for by the next sweep ([`Limits::sweep_interval`](crate::Limits::sweep_interval)).
    pub fn hint(&self, room: RoomId, head: Seq) {
        self.inner().hub.hint(room, head.min(MAX_SEQ));
    }

    /// Ends all sessions that a user has on this engine, with [`CloseReason::Revoked`](crate::CloseReason::Revoked): for a
    /// host that has just taken away someone's access. What waits in their streams is dropped, and their rooms see them
    /// leave at once. Returns how many sessions there were.
    ///
    /// Nothing is remembered: the user may [`connect`](Self::connect) again unless the host refuses it.
    pub fn disconnect(&self, user: &UserId) -> usize {
        self.inner().sessions.end_all_of(user, Ending::REVOKED)
    }

    /// Tells all sessions that a user has on this engine something that concerns the user, whichever rooms they are attached
    /// to: it comes as [`Update::Notice`](crate::Update::Notice). This is for a host whose [`Policy`](crate::Policy) decides
    /// who may read which room; it is asked before each session is told of a room. Returns how many sessions there were.
    pub fn notify(&self, user: &UserId, notice: &Notice) -> usize {
        self.inner().sessions.notify(user, None, notice)
    }

    /// Its health.
    #[must_use]
    pub fn health(&self) -> Health {
        let inner = self.inner();
        let reason = inner.services.check_running().and_then(|()| inner.services.breaker.check()).err();
        Health { ready: reason.is_none(), reason, sessions: inner.sessions.len() }
    }

    /// Resolves when the engine has to stop because another process took its database.
    ///
    /// # Cancel safety
    /// It only waits.
    pub async fn lease_lost(&self) {
        self.inner().services.store.lease_lost().await;
    }

    /// Stops: refuses new commands, answers those that are running (for at most 5 s), closes every session with
    /// [`CloseReason::Shutdown`](crate::CloseReason::Shutdown), and releases the database. Resolves when that is done,
    /// however often it is called.
    ///
    /// # Cancel safety
    /// Once it was polled, the engine stops even if the future is dropped.
    pub async fn shutdown(&self) {
        self.inner().begin_shutdown();
        self.inner().services.lifecycle.stopped().await;
    }

    /// Breaks a room's task, to show what happens then. Returns whether it had one.
    #[cfg(any(test, feature = "test-util"))]
    #[doc(hidden)]
    #[must_use]
    pub fn break_room(&self, room: RoomId) -> bool {
        self.inner().hub.break_room(room)
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.owner.0
    }

    /// Makes a change of the room itself, checked.
    async fn alter(&self, actor: &Actor, room: RoomId, key: EventKey, op: Op) -> Result<Changed, Error> {
        let inner = self.inner();
        inner.services.breaker.check()?;
        let charge = inner.rate(actor, Rated::of(&op))?;
        let cost = Cost::change(op.bytes()).charged(charge);
        let request = inner.request(None, actor, key, op);
        inner.call(room, (request, cost), self.patience, |to| Responder::Change(ToEither::Call(to))).await
    }

    async fn read_room(&self, room: RoomId) -> Result<Room, Error> {
        let inner = self.inner();
        let row = inner.services.read(inner.services.store.room(room).await)?;
        row.map(|row| inner.with_online(row)).ok_or(Error::RoomNotFound)
    }
}

/// A room after an update; `None` if that has changed nothing.
fn updated(before: Room, change: &Changed) -> Option<Room> {
    let Changed::Stored { event, .. } = change else { return None };
    let EventKind::RoomUpdated { name, topic, kind, invites } = &event.kind else { return None };
    let (name, topic, head) = (name.clone(), topic.clone(), before.head.max(event.seq));
    Some(Room { name, topic, kind: *kind, invites: *invites, head, ..before })
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.begin_shutdown();
    }
}

impl Inner {
    /// A room that was looked for by something else than its id, if the actor may read it.
    async fn found_room(&self, actor: &Actor, read: Result<Option<Room>, StoreError>) -> Result<Room, Error> {
        let room = self.services.read(read)?.ok_or(Error::RoomNotFound)?;
        self.services.check(actor, Action::ReadRoom(room.id))?;
        self.in_room(actor, room.id, RoomAction::Read).await.map(|room| self.with_online(room))
    }

    /// Makes a room as soon as there is a place for it.
    pub(super) async fn make_room(&self, row: RoomRecord, cost: Cost, patience: Duration) -> Result<Room, Error> {
        let admitted = self.enter(None, cost, patience).await?.admitted;
        match self.journal.create(row, admitted).await {
            Ok(room) => {
                self.hub.made(room.id);
                Ok(room)
            }
            Err(AppendFailure::NotStored(error)) => Err(error),
            Err(AppendFailure::Unknown) => Err(Error::OutcomeUnknown),
        }
    }

    /// Checks a room that is to be made.
    fn prepare_room(&self, actor: &Actor, new: NewRoom) -> Result<RoomRecord, Error> {
        let services = &self.services;
        services.check_running()?;
        services.check(actor, Action::CreateRoom(&new))?;
        let (name, topic) = (RoomName::new(&new.name)?, Topic::new(&new.topic)?);
        new.external.as_deref().map_or(Ok(()), check_external)?;
        let members_elsewhere = services.host().is_some();
        let owner = new.owner.clone().or_else(|| owner_of(actor)).filter(|_| !members_elsewhere);
        check_kind(&new, actor, owner.is_some() || members_elsewhere)?;
        let NewRoom { kind, invites, external, .. } = new;
        // A room with a key of its own shares its name with others.
        let external = external.or_else(|| self.shares_names.then(|| uuid::Uuid::new_v4().to_string()));
        let open = RoomRecord::open(name, topic, services.clock.now().wall);
        Ok(RoomRecord { kind, invites, owner, members_elsewhere, external, ..open })
    }

    /// Changes a message. See [`ChatEngine::change`].
    pub(super) async fn change(
        &self,
        actor: &Actor,
        room: RoomId,
        change: Change,
        patience: Duration,
    ) -> Result<Changed, Error> {
        let prepared = self.prepare_change(None, actor, room, change)?;
        self.call(room, prepared, patience, |to| Responder::Change(ToEither::Call(to))).await
    }

    /// Keeps a part of a room's log. See [`ChatEngine::prune`].
    pub(super) async fn prune(&self, room: RoomId, keep: Keep, patience: Duration) -> Result<Seq, Error> {
        self.services.check_running()?;
        check_room(room)?;
        self.services.breaker.check()?;
        let request = self.request(None, &Actor::System, generated_key(), Op::Prune(keep));
        let first = self.call(room, (request, Cost::change(0)), patience, Responder::Prune).await?;
        self.hub.purge();
        Ok(first)
    }
}

/// Refuses a kind of room that this actor cannot make like this.
pub(super) fn check_kind(new: &NewRoom, actor: &Actor, is_owned: bool) -> Result<(), Error> {
    match new.kind {
        RoomKind::Public => Ok(()),
        RoomKind::Direct => Err(Error::invalid_field("kind", "must be public or private")),
        RoomKind::Private if actor.user().is_some_and(|user| user.guest) => Err(Error::Forbidden),
        RoomKind::Private if !is_owned => Err(Error::invalid_field("owner", "is needed for a private room")),
        RoomKind::Private => Ok(()),
    }
}

/// Who owns a room because they make it: a user who proves who they are.
pub(super) fn owner_of(actor: &Actor) -> Option<Identity> {
    match actor {
        Actor::User(identity) if !identity.guest => Some(identity.clone()),
        Actor::User(_) | Actor::Anonymous | Actor::System | Actor::SystemAs(_) => None,
    }
}

/// Those of these ids that a room can have.
pub(super) fn known_ids(ids: &[RoomId]) -> Result<Vec<RoomId>, Error> {
    if ids.len() > MOST_IDS {
        return Err(Error::invalid_field("ids", format!("must be at most {MOST_IDS}")));
    }
    Ok(ids.iter().copied().filter(|id| check_room(*id).is_ok()).collect())
}

/// So many rooms are asked for by their ids at once.
const MOST_IDS: usize = 100;

/// Checks how many are asked for.
pub(super) fn check_limit(limit: usize, most: usize) -> Result<(), Error> {
    if (1..=most).contains(&limit) {
        Ok(())
    } else {
        Err(Error::invalid_field("limit", format!("must be 1 to {most}")))
    }
}

fn check_external(external: &str) -> Result<(), Error> {
    if (1..=MAX_EXTERNAL).contains(&external.len()) {
        check_text("external", external)
    } else {
        Err(Error::invalid_field("external", "must be 1 to 256 bytes"))
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    if text.contains('\0') { Err(Error::invalid_field(field, "must not contain U+0000")) } else { Ok(()) }
}

/// The same place, within what a database can count.
pub(super) fn bounded(from: HistoryFrom) -> HistoryFrom {
    match from {
        HistoryFrom::Newest => HistoryFrom::Newest,
        HistoryFrom::Before(seq) => HistoryFrom::Before(seq.min(MAX_SEQ)),
        HistoryFrom::After(seq) => HistoryFrom::After(seq.min(MAX_SEQ)),
        HistoryFrom::Around(seq) => HistoryFrom::Around(seq.min(MAX_SEQ)),
    }
}
