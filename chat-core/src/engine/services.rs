//! What all parts of an engine share, and none of them changes: the store, the limits, the clock and the like.

use std::{fmt, sync::Arc};

use tokio::{runtime::Handle, sync::broadcast, time::Instant};

use crate::{
    Action, Actor, Clock, Epoch, Error, Event, HostMembers, Limits, Members, Policy, RoomId, UserId, VisibleRooms,
    engine::{
        breaker::{Breaker, not_stored},
        chosen_names::ChosenNames,
        lifecycle::Lifecycle,
        locked_out::LockedOut,
        log_limits::LogLimits,
        metrics::Metrics,
        revocations::Revocations,
        waiting::Waiting,
    },
    log::Excerpt,
    rights::Standings,
    store::{Store, StoreError, StoreErrorKind},
};

/// What all parts of an engine share. It knows of no room and no session: those who know them are built on it.
pub(super) struct Services {
    pub(super) store: Arc<dyn Store>,
    pub(super) limits: Arc<Limits>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) members: Members,
    pub(super) epoch: Epoch,
    pub(super) revocations: Revocations,
    pub(super) names: ChosenNames,
    /// The runtime that all tasks run on, wherever they are started from.
    pub(super) runtime: Handle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) lifecycle: Lifecycle,
    pub(super) logs: LogLimits,
    pub(super) locked_out: LockedOut,
    pub(super) waiting: Arc<Waiting>,
    /// What is published in all rooms, for those who listen to all of them.
    pub(super) all_events: broadcast::Sender<Arc<Event>>,
}

impl Services {
    /// Refuses while the engine stops.
    pub(super) fn check_running(&self) -> Result<(), Error> {
        if self.lifecycle.is_draining() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Asks the policy whether this actor may do this. Who is locked out may do nothing, also through the host.
    pub(super) fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error> {
        actor.user().map_or(Ok(()), |user| self.locked_out.check(&user.id))?;
        if actor.is_system() { Ok(()) } else { self.policy.check(actor, action) }
    }

    /// Which rooms the policy shows this actor. Too many are the host's mistake, and would be wrong if they were cut.
    pub(super) fn visible_rooms(&self, actor: &Actor) -> Result<VisibleRooms, Error> {
        if actor.is_system() {
            return Ok(VisibleRooms::All);
        }
        let by_policy = self.policy.visible_rooms(actor);
        let by_host = self.host().map_or(VisibleRooms::All, |host| host.visible_rooms(actor));
        let (named, most) = (by_policy.named().max(by_host.named()), VisibleRooms::MOST);
        if named <= most {
            return Ok(by_policy.and(by_host));
        }
        if let Some(left_out) = self.logs.policy_mistaken.pass(Instant::now().into_std()) {
            let user = actor.user().map(|user| Excerpt(&user.id)).map(tracing::field::display);
            tracing::error!(
                left_out,
                user.id = user,
                named,
                most,
                "the policy names more rooms than it may; lists are refused"
            );
        }
        Err(Error::Internal)
    }

    /// The host, if it keeps who is in rooms.
    pub(super) fn host(&self) -> Option<&dyn HostMembers> {
        match &self.members {
            Members::Kept => None,
            Members::Host(host) => Some(&**host),
        }
    }

    /// Refuses what is about members as the engine keeps them, where the host does.
    pub(super) fn check_kept(&self) -> Result<(), Error> {
        if self.host().is_none() { Ok(()) } else { Err(Error::MembersElsewhere) }
    }

    /// What these users are in a room now; `None` where the room is gone, or nobody is asked about.
    pub(super) async fn standings(&self, room: RoomId, users: &[UserId]) -> Result<Option<Standings>, Error> {
        let mut found = self.read(self.store.members().standings(room, users).await)?;
        if let Some((host, found)) = self.host().zip(found.as_mut()) {
            found.users = users.iter().map(|user| (user.clone(), host.standing(room, user))).collect();
        }
        Ok(found)
    }

    /// Whether somebody is told what happens in a room that they are not attached to.
    pub(super) fn may_hear_of(&self, actor: &Actor, room: RoomId) -> bool {
        let is_seen = self.host().is_none_or(|host| host.visible_rooms(actor).has(room));
        is_seen && self.check(actor, Action::ReadRoom(room)).is_ok()
    }

    /// What a read has found, or the error that it is answered with if it failed.
    pub(super) fn read<T>(&self, read: Result<T, StoreError>) -> Result<T, Error> {
        read.map_err(|failure| self.read_failed(&failure))
    }

    /// The error that a failed read is answered with. The driver's text goes to the log only.
    pub(super) fn read_failed(&self, failure: &StoreError) -> Error {
        if failure.kind != StoreErrorKind::Busy
            && let Some(left_out) = self.logs.read_failed.pass(Instant::now().into_std())
        {
            tracing::error!(left_out, error = %Excerpt(failure), "the database could not be read");
        }
        not_stored(failure.kind)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
