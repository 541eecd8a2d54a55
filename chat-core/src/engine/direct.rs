//! Rooms of two users.

use std::{sync::Arc, time::Duration};

use crate::{
    Action, Actor, ChatEngine, DirectRoom, Error, Identity, Notice, Room, RoomKind, UserId, UserName,
    append::RoomRecord,
    direct::Pair,
    engine::{admission::Cost, inner::Inner, members::name_for, rates::Rated},
};

impl ChatEngine {
    /// The direct room of the actor and another user, which is made if there is none yet. With oneself, it is for notes. It has no
    /// name, and belongs to the two for good. `username` is how the other one is shown until they do something themselves; without
    /// it, it is their id.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the actor is in nobody's name, [`Error::Forbidden`] for guests, [`Error::InvalidField`] (`user`
    /// for an erased user, `username`), what the policy says, [`Error::RateLimited`] when it would have to be made,
    /// [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`]; [`Error::OutcomeUnknown`] when it may have been made.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the room is made all the same. To ask again does no harm: there is
    /// one per pair.
    pub async fn direct(
        &self,
        actor: impl Into<Actor>,
        with: UserId,
        username: Option<&str>,
    ) -> Result<DirectRoom, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_running()?;
        inner.services.check_kept()?;
        let user = actor.user().cloned().ok_or(Error::Unauthenticated)?;
        if user.guest {
            return Err(Error::Forbidden);
        }
        if with.is_reserved() {
            return Err(Error::invalid_field("user", "must not be an erased user"));
        }
        let name = username.map(UserName::new).transpose()?.unwrap_or_else(|| name_for(&with));
        let other = if with == user.id { user.clone() } else { Identity::of(with, name) };
        inner.services.check(&actor, Action::OpenDirect(&other.id))?;
        let pair = Pair::new(&user, &other);
        if let Some(room) = inner.services.read(inner.services.store.members().direct(&pair).await)? {
            inner.services.check(&actor, Action::ReadRoom(room.id))?;
            return Ok(DirectRoom { room: inner.with_peer(&actor, room).await?, created: false });
        }
        let (room, created) = inner.make_direct(&actor, pair, self.patience).await?;
        if created {
            inner.tell_of_direct(&room, &user, &other);
        }
        Ok(DirectRoom { room: inner.with_peer(&actor, room).await?, created })
    }
}

impl Inner {
    /// Makes the room of a pair, unless another call has made it meanwhile.
    async fn make_direct(&self, actor: &Actor, pair: Pair, patience: Duration) -> Result<(Room, bool), Error> {
        self.services.breaker.check()?;
        self.rate(actor, Rated::Rooms)?;
        let row = RoomRecord::direct(pair, self.services.clock.now().wall);
        match self.make_room(row, Cost::change(0), patience).await {
            Ok(room) => Ok((room, true)),
            Err(Error::NameTaken { room: Some(room) }) => Ok((*room, false)),
            Err(error) => Err(error),
        }
    }

    /// Both hear that they may read the room now.
    fn tell_of_direct(&self, room: &Room, user: &Identity, other: &Identity) {
        for (of, peer) in [(user, other), (other, user)] {
            let room = Arc::new(Room { peer: Some(peer.to_stored()), ..room.clone() });
            self.sessions.notify(&of.id, None, &Notice::RoomAdded { room });
            if user.id == other.id {
                return;
            }
        }
    }

    /// A room as this actor sees it: with who is online, and in a direct one with the other user.
    pub(super) async fn with_peer(&self, actor: &Actor, room: Room) -> Result<Room, Error> {
        let mut rooms = [self.with_online(room)];
        self.find_peers(actor, rooms.iter_mut()).await?;
        let [room] = rooms;
        Ok(room)
    }

    /// Says of those of these rooms that are direct ones who the other user is, with one statement if there are any.
    pub(super) async fn find_peers(&self, actor: &Actor, rooms: impl Iterator<Item = &mut Room>) -> Result<(), Error> {
        let Some(user) = actor.user() else { return Ok(()) };
        let mut direct: Vec<&mut Room> = rooms.filter(|room| room.kind == RoomKind::Direct).collect();
        if direct.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = direct.iter().map(|room| room.id).collect();
        let mut peers = self.services.read(self.services.store.members().peers(&ids, &user.id).await)?;
        for room in &mut direct {
            room.peer = peers.remove(&room.id);
        }
        Ok(())
    }
}
