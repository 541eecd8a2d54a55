//! Who is online in a room: derived from the sessions attached to it, with a grace for those that were lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{Identity, Limits, Presence, SessionId, UserId, state::Departure};

/// The users online in a room, each with their sessions.
#[derive(Debug)]
pub(super) struct Online {
    users: BTreeMap<UserId, User>,
    graces: BTreeSet<(Duration, UserId)>,
    /// Whether the users are few enough to be named.
    named: bool,
    grace: Duration,
    name_up_to: usize,
    name_again_below: usize,
}

/// What is new of a user when a session of theirs comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// They were not online before.
    Came,
    /// They were, under another name: the one that came last is shown.
    Renamed,
    /// Nothing.
    Known,
}

#[derive(Debug)]
struct User {
    identity: Identity,
    sessions: BTreeSet<SessionId>,
    /// Until when they count as online without a session: a session of theirs was lost.
    grace_until: Option<Duration>,
}

impl Online {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            users: BTreeMap::new(),
            graces: BTreeSet::new(),
            named: true,
            grace: limits.presence_grace,
            name_up_to: limits.presence_list_max,
            name_again_below: limits.presence_list_again,
        }
    }

    /// A session comes.
    pub(super) fn arrive(&mut self, session: SessionId, identity: &Identity) -> Arrival {
        let arrival = match self.users.get(&identity.id) {
            None => Arrival::Came,
            Some(user) if user.identity.name != identity.name => Arrival::Renamed,
            Some(_) => Arrival::Known,
        };
        let user = self.users.entry(identity.id.clone()).or_insert_with(|| User {
            identity: identity.clone(),
            sessions: BTreeSet::new(),
            grace_until: None,
        });
        user.identity = identity.clone();
        user.sessions.insert(session);
        self.update_named();
        arrival
    }

    /// A session goes. Returns its user if they went with it.
    pub(super) fn depart(
        &mut self,
        session: SessionId,
        user_id: &UserId,
        departure: Departure,
        now: Duration,
    ) -> Option<Identity> {
        let user = self.users.get_mut(user_id)?;
        user.sessions.remove(&session);
        if departure == Departure::Lost {
            let until = now + self.grace;
            if let Some(earlier) = user.grace_until.replace(until) {
                self.graces.remove(&(earlier, user_id.clone()));
            }
            self.graces.insert((until, user_id.clone()));
        }
        let gone = user.sessions.is_empty() && user.grace_until.is_none();
        if gone { self.remove(user_id) } else { None }
    }

    /// Ends the graces that are over. Returns a user who went with theirs; call again until there is none.
    pub(super) fn expire(&mut self, now: Duration) -> Option<Identity> {
        while let Some((until, user_id)) = self.graces.first().cloned() {
            if until > now {
                return None;
            }
            self.graces.pop_first();
            let Some(user) = self.users.get_mut(&user_id) else { continue };
            user.grace_until = None;
            if user.sessions.is_empty() {
                return self.remove(&user_id);
            }
        }
        None
    }

    /// When the next grace is over.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.graces.first().map(|(until, _)| *until)
    }

    /// Whether users are named, and their coming and going told.
    pub(super) const fn named(&self) -> bool {
        self.named
    }

    /// Who is online, as it may be told.
    pub(super) fn view(&self) -> Presence {
        let online = if self.named { self.users.values().map(|user| user.identity.clone()).collect() } else { vec![] };
        Presence { count: self.users.len(), online }
    }

    fn remove(&mut self, user_id: &UserId) -> Option<Identity> {
        let user = self.users.remove(user_id)?;
        self.update_named();
        Some(user.identity)
    }

    fn update_named(&mut self) {
        if self.users.len() > self.name_up_to {
            self.named = false;
        } else if self.users.len() < self.name_again_below {
            self.named = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn alice() -> Identity {
        Identity::named("Alice").unwrap()
    }

    fn online() -> Online {
        Online::new(&Limits::default())
    }

    #[test]
    fn a_user_comes_with_the_first_session_and_goes_with_the_last() {
        let mut online = online();
        assert_eq!(online.arrive(SessionId(1), &alice()), Arrival::Came);
        assert_eq!(online.arrive(SessionId(2), &alice()), Arrival::Known);
        assert_eq!(online.depart(SessionId(1), &alice().id, Departure::Closed, SECOND), None);
        assert_eq!(online.depart(SessionId(2), &alice().id, Departure::Closed, SECOND), Some(alice()));
        assert_eq!(online.view(), Presence::default());
    }

    #[test]
    fn a_lost_session_counts_for_the_grace() {
        let mut online = online();
        online.arrive(SessionId(1), &alice());
        assert_eq!(online.depart(SessionId(1), &alice().id, Departure::Lost, SECOND), None);
        assert_eq!(online.arrive(SessionId(2), &alice()), Arrival::Known, "back in time: no join");
        assert_eq!(
            online.depart(SessionId(2), &alice().id, Departure::Closed, 2 * SECOND),
            None,
            "the grace still runs"
        );
        assert_eq!(online.poll_timeout(), Some(11 * SECOND));
        assert_eq!(online.expire(10 * SECOND), None);
        assert_eq!(online.expire(11 * SECOND), Some(alice()));
        assert_eq!(online.poll_timeout(), None);
    }

    #[test]
    fn the_name_of_the_session_that_came_last_is_shown() {
        let mut online = online();
        let renamed = Identity::new("Alice", "Alice the Second").unwrap();
        online.arrive(SessionId(1), &alice());
        assert_eq!(online.arrive(SessionId(2), &renamed), Arrival::Renamed);
        assert_eq!(online.arrive(SessionId(3), &renamed), Arrival::Known);
        assert_eq!(online.view().online, [renamed]);
    }

    #[test]
    fn a_second_loss_renews_the_grace() {
        let mut online = online();
        online.arrive(SessionId(1), &alice());
        online.depart(SessionId(1), &alice().id, Departure::Lost, SECOND);
        online.arrive(SessionId(2), &alice());
        online.depart(SessionId(2), &alice().id, Departure::Lost, 5 * SECOND);
        assert_eq!(online.expire(11 * SECOND), None);
        assert_eq!(online.expire(15 * SECOND), Some(alice()));
    }

    #[test]
    fn many_are_counted_and_named_again_only_when_clearly_fewer() {
        let mut online = online();
        let user = |n: u64| Identity::named(&format!("user {n:03}")).unwrap();
        for n in 0..200 {
            online.arrive(SessionId(n), &user(n));
        }
        assert_eq!(online.view().online.len(), 200);
        online.arrive(SessionId(200), &user(200));
        assert_eq!((online.view().count, online.view().online.len()), (201, 0));
        for n in (180..=200).rev() {
            online.depart(SessionId(n), &user(n).id, Departure::Closed, SECOND);
        }
        assert_eq!((online.view().count, online.named()), (180, false));
        online.depart(SessionId(0), &user(0).id, Departure::Closed, SECOND);
        assert_eq!((online.view().count, online.view().online.len()), (179, 179));
    }
}
