//! Which rooms an actor sees, by what is stored.

use crate::{
    Action, Actor, Error, Room, RoomId, UserId,
    engine::{inner::Inner, services::Services},
    rights::{Asker, RoomAction, Standing},
    store::{SeenRoom, StoreError, Viewer},
};

impl Services {
    /// A room, if this user may do this in it as it is now; `asker` says who asks, by what the user is there.
    pub(super) async fn in_room(
        &self,
        room: RoomId,
        user: Option<&UserId>,
        action: RoomAction,
        asker: impl FnOnce(Standing) -> Asker,
    ) -> Result<Room, Error> {
        let mut seen = self.read(self.store.members().seen(room, user).await)?;
        if let Some((host, seen)) = self.host().zip(seen.as_mut()) {
            seen.standing = user.map(|user| host.standing(room, user)).unwrap_or_default();
        }
        SeenRoom::check(seen, action, asker, self.clock.now().wall)
    }
}

impl Inner {
    /// Whose look at rooms this is.
    pub(super) fn viewer(&self, actor: &Actor) -> Result<Viewer, Error> {
        let shown = self.services.visible_rooms(actor)?;
        Ok(match actor {
            Actor::System | Actor::SystemAs(_) => Viewer::Host,
            Actor::Anonymous | Actor::User(_) if self.services.host().is_some() => {
                Viewer::Told(actor.user().map(|user| user.id.clone()), shown)
            }
            Actor::Anonymous => Viewer::Anonymous(shown),
            Actor::User(user) => Viewer::User(user.id.clone(), self.services.clock.now().wall, shown),
        })
    }

    /// A room, if the actor may do this in it as it is now, and if the policy still lets them read it: it was asked before, and may
    /// have changed its mind. A room that is hidden from the actor and one that is not there go the same way.
    pub(super) async fn in_room(&self, actor: &Actor, room: RoomId, action: RoomAction) -> Result<Room, Error> {
        let seen = self.services.in_room(room, actor.user().map(|user| &user.id), action, asker(actor)).await?;
        self.services.check(actor, Action::ReadRoom(room))?;
        Ok(seen)
    }

    /// What was read of a room, for an actor who may still read the room: so nobody reads what was stored after they lost the right
    /// to it.
    pub(super) async fn shown_to<T>(
        &self,
        actor: &Actor,
        room: RoomId,
        read: Result<T, StoreError>,
    ) -> Result<T, Error> {
        self.in_room(actor, room, RoomAction::Read).await?;
        self.services.read(read)
    }

    /// An error as this actor may see it: of the room that has a name only what they may read, with who is online now.
    pub(super) async fn shown(&self, error: Error, actor: &Actor) -> Error {
        let Error::NameTaken { room: Some(room) } = error else { return error };
        // The host may have it in a transaction that is not committed yet.
        let may_read = actor.is_system() || self.in_room(actor, room.id, RoomAction::Read).await.is_ok();
        Error::NameTaken { room: may_read.then(|| Box::new(self.with_online(*room))) }
    }
}

/// Who asks, by what they are in a room.
pub(super) fn asker(actor: &Actor) -> impl FnOnce(Standing) -> Asker {
    move |standing| match actor {
        Actor::System | Actor::SystemAs(_) => Asker::Host,
        Actor::Anonymous => Asker::Anonymous,
        Actor::User(user) => Asker::User { standing, admin: user.admin },
    }
}
