//! What an engine reads of messages and marks, beside the history.

use std::collections::{HashMap, HashSet};

use crate::{
    Action, Actor, ChatEngine, Error, HistoryPage, HistoryQuery, LastMessage, MarkPage, MessageState, MessageVersion,
    MyRoomPage, MyRoomQuery, Notify, PinnedMessages, ReactorPage, RoomId, RoomQuery, Seq, UserId,
    engine::{
        chat_engine::{bounded, check_limit, known_ids},
        inner::Inner,
        prepare::{MAX_SEQ, check_room},
        rates::Rated,
    },
    rights::RoomAction,
    store::{Found, Reader, StoreError, Viewer},
};

impl ChatEngine {
    /// A message as it is, and the room's head that this shows.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], [`Error::MessageNotFound`], what the policy says, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn message(&self, actor: impl Into<Actor>, room: RoomId, seq: Seq) -> Result<(MessageState, Seq), Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let reader = inner.reader_of(&actor, room)?;
        inner.found(&actor, room, reader.message(room, seq.min(MAX_SEQ), viewer(&actor)).await).await
    }

    /// What a message has said: first as it was sent, then after each edit. What was deleted has empty texts.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn versions(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        seq: Seq,
    ) -> Result<Vec<MessageVersion>, Error> {
        let inner = self.inner();
        let actor = actor.into();
        let reader = inner.reader_of(&actor, room)?;
        inner.found(&actor, room, reader.versions(room, seq.min(MAX_SEQ)).await).await
    }

    /// Who reacted to a message, oldest first; `after` is the `next` of the page before.
    ///
    /// # Errors
    /// As [`message`](Self::message); [`Error::InvalidField`] (`limit` outside 1–100).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn reactors(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        seq: Seq,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<ReactorPage, Error> {
        let inner = self.inner();
        let actor = actor.into();
        let reader = inner.reader_of(&actor, room)?;
        check_limit(limit, 100)?;
        let after = after.map(|after| after.min(MAX_SEQ));
        inner.found(&actor, room, reader.reactors(room, seq.min(MAX_SEQ), after, limit).await).await
    }

    /// A page of a message's thread, oldest first, without the message itself.
    ///
    /// # Errors
    /// As [`message`](Self::message); [`Error::InvalidField`] (`limit` outside 1–100).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn thread(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        root: Seq,
        page: HistoryQuery,
    ) -> Result<HistoryPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let reader = inner.reader_of(&actor, room)?;
        check_limit(page.limit, 100)?;
        let page = HistoryQuery { from: bounded(page.from), ..page };
        inner.found(&actor, room, reader.thread(room, root.min(MAX_SEQ), page, viewer(&actor)).await).await
    }

    /// The pinned messages of a room, newest pin first; there are at most 100.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn pins(&self, actor: impl Into<Actor>, room: RoomId) -> Result<PinnedMessages, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let reader = inner.reader_of(&actor, room)?;
        let read = reader.pins(room, viewer(&actor)).await;
        inner.shown_to(&actor, room, read).await?.ok_or(Error::RoomNotFound)
    }

    /// How far users have read a room: one's own mark first, then by user id; `after` is the `next` of the page before.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says, [`Error::InvalidField`] (`limit` outside 1–100), [`Error::Overloaded`],
    /// [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn marks(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MarkPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let reader = inner.reader_of(&actor, room)?;
        check_limit(limit, 100)?;
        let own = viewer(&actor);
        let read = reader.marks(room, own, after.as_ref(), limit).await;
        let page = inner.shown_to(&actor, room, read).await?.ok_or(Error::RoomNotFound)?;
        // One's own mark stands before all others, whatever the id: after it comes the first of them.
        let next = page.next.map(|next| if Some(&next) == own { UserId::from_stored("") } else { next });
        Ok(MarkPage { next, ..page })
    }

    /// The newest message of each of these rooms, at most 100, in the order asked for: who wrote it, and its first 120 characters.
    /// `None` where there never was one, and where the actor may not read. It takes two statements, however many rooms there are.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{Actor, ChatEngine, Draft, Identity, NewRoom, RoomQuery};
    ///
    /// let engine = ChatEngine::builder().build().await?;
    /// let alice = Identity::named("Alice")?;
    /// let (one, two) = (
    ///     engine.create_room(Actor::System, NewRoom::named("one")).await?.id,
    ///     engine.create_room(Actor::System, NewRoom::named("two")).await?.id,
    /// );
    /// engine.send(&alice, two, Draft::text("Hello!")).await?;
    /// let latest = engine.latest(&alice, &[one, two]).await?;
    /// assert!(latest[0].is_none());
    /// assert_eq!(latest[1].as_ref().map(|last| &*last.content), Some("Hello!"));
    ///
    /// let query = RoomQuery::default().ids([two]);
    /// assert_eq!(engine.rooms(&alice, query).await?.rooms[0].name.as_str(), "two");
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidField`] for more than 100 rooms, what the policy says of lists, [`Error::RateLimited`], [`Error::Overloaded`],
    /// [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn latest(&self, actor: impl Into<Actor>, rooms: &[RoomId]) -> Result<Vec<Option<LastMessage>>, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let services = &inner.services;
        services.check_running()?;
        services.check(&actor, Action::ListRooms)?;
        let ids = known_ids(rooms)?;
        inner.rate(&actor, Rated::History)?;
        if ids.is_empty() {
            return Ok(vec![None; rooms.len()]);
        }
        let read = services.read(services.store.reader().activity(&ids).await)?;
        let mut last: HashMap<_, _> = read.into_iter().flatten().filter_map(|of| Some((of.room, of.last?))).collect();
        // Who sees them is read after it, so that nobody reads what was stored after they lost the right to it.
        let query = RoomQuery { limit: ids.len(), ids: Some(ids), ..RoomQuery::default() };
        let seen = services.read(services.store.rooms(&query, &inner.viewer(&actor)?).await)?.rooms;
        let seen: HashSet<_> = seen.into_iter().map(|room| room.id).collect();
        last.retain(|room, _| seen.contains(room) && services.check(&actor, Action::ReadRoom(*room)).is_ok());
        Ok(rooms.iter().map(|room| last.get(room).cloned()).collect())
    }

    /// The rooms that the actor has read or written in, with what is unread: those first that were active last.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the actor is in nobody's name, what the policy says, [`Error::InvalidField`] (`limit`
    /// outside 1–200), [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn my_rooms(&self, actor: impl Into<Actor>, query: MyRoomQuery) -> Result<MyRoomPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        inner.services.check(&actor, Action::ListRooms)?;
        check_limit(query.limit, 200)?;
        let user = viewer(&actor).ok_or(Error::Unauthenticated)?.clone();
        inner.rate(&actor, Rated::History)?;
        let shown = inner.services.visible_rooms(&actor)?;
        let host = inner.services.host();
        let whose = match host {
            Some(_) => Viewer::Told(Some(user.clone()), shown),
            None => Viewer::User(user.clone(), inner.services.clock.now().wall, shown),
        };
        let mut page = inner.services.read(inner.services.store.reader().my_rooms(&whose, &query).await)?;
        page.rooms.retain(|mine| inner.services.check(&actor, Action::ReadRoom(mine.room.id)).is_ok());
        for mine in &mut page.rooms {
            mine.role = host.map_or(mine.role, |host| host.standing(mine.room.id, &user).role);
            mine.room.online = inner.hub.online(mine.room.id);
        }
        inner.find_peers(&actor, page.rooms.iter_mut().map(|mine| &mut mine.room)).await?;
        Ok(page)
    }

    /// Stores what the actor wants to be told of a room, for the actor's clients.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the actor is in nobody's name, [`Error::RoomNotFound`], [`Error::Banned`], what the policy says,
    /// [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`].
    ///
    /// # Cancel safety
    /// Dropped, it may be stored or not; to do it again does no harm.
    pub async fn set_notify(&self, actor: impl Into<Actor>, room: RoomId, notify: Notify) -> Result<(), Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let _writing = inner.services.locked_out.write().await;
        let reader = inner.reader_of(&actor, room)?;
        let user = viewer(&actor).ok_or(Error::Unauthenticated)?;
        inner.services.breaker.check()?;
        inner.in_room(&actor, room, RoomAction::Read).await?;
        inner.services.read(reader.set_notify(user, room, notify).await)?.ok_or(Error::RoomNotFound)
    }
}

impl Inner {
    /// What reads the store for an actor who may read this room.
    fn reader_of(&self, actor: &Actor, room: RoomId) -> Result<&dyn Reader, Error> {
        self.services.check_running()?;
        check_room(room)?;
        self.services.check(actor, Action::ReadRoom(room))?;
        self.rate(actor, Rated::History)?;
        Ok(self.services.store.reader())
    }

    async fn found<T>(&self, actor: &Actor, room: RoomId, read: Result<Found<T>, StoreError>) -> Result<T, Error> {
        self.shown_to(actor, room, read).await?.found()
    }
}

/// The user whose reactions are marked.
fn viewer(actor: &Actor) -> Option<&UserId> {
    actor.user().map(|user| &user.id)
}
