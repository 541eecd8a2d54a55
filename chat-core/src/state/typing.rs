//! Who is typing in a room: a hint that expires by itself.

use std::{collections::BTreeMap, time::Duration};

use crate::{Identity, SessionId, UserId};

/// The users who are typing, kept per session so that one session's end does not stop another's.
#[derive(Debug)]
pub(super) struct Typists {
    users: BTreeMap<UserId, Typist>,
    expiry: Duration,
}

#[derive(Debug)]
struct Typist {
    identity: Identity,
    /// When each of their sessions stops unless it is refreshed.
    sessions: BTreeMap<SessionId, Duration>,
}

impl Typists {
    pub(super) const fn new(expiry: Duration) -> Self {
        Self { users: BTreeMap::new(), expiry }
    }

    /// A session's user types. Returns whether that is news.
    pub(super) fn start(&mut self, session: SessionId, identity: &Identity, now: Duration) -> bool {
        let news = !self.users.contains_key(&identity.id);
        let typist = self
            .users
            .entry(identity.id.clone())
            .or_insert_with(|| Typist { identity: identity.clone(), sessions: BTreeMap::new() });
        typist.sessions.insert(session, now + self.expiry);
        news
    }

    /// A session stopped, or is gone. Returns whether its user is no longer typing.
    pub(super) fn stop(&mut self, session: SessionId, user: &UserId) -> bool {
        let Some(typist) = self.users.get_mut(user) else { return false };
        typist.sessions.remove(&session);
        typist.sessions.is_empty() && self.users.remove(user).is_some()
    }

    /// A user sent what they typed. Returns whether they were typing.
    pub(super) fn stop_user(&mut self, user: &UserId) -> bool {
        self.users.remove(user).is_some()
    }

    /// Ends what was not refreshed. Returns whether someone is no longer typing.
    pub(super) fn expire(&mut self, now: Duration) -> bool {
        let before = self.users.len();
        self.users.retain(|_, typist| {
            typist.sessions.retain(|_, until| *until > now);
            !typist.sessions.is_empty()
        });
        self.users.len() != before
    }

    /// When the next one expires.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.users.values().flat_map(|typist| typist.sessions.values()).min().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub(super) fn view(&self) -> Vec<Identity> {
        self.users.values().map(|typist| typist.identity.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_expires_unless_it_is_refreshed() {
        let (mut typists, bob) = (Typists::new(6 * SECOND), Identity::named("Bob").unwrap());
        assert!(typists.start(SessionId(1), &bob, SECOND));
        assert!(!typists.start(SessionId(1), &bob, 4 * SECOND), "a refresh is no news");
        assert!(!typists.expire(9 * SECOND));
        assert_eq!(typists.poll_timeout(), Some(10 * SECOND));
        assert!(typists.expire(10 * SECOND) && typists.is_empty());
    }

    #[test]
    fn one_session_stops_for_itself_and_a_message_stops_all() {
        let (mut typists, bob) = (Typists::new(6 * SECOND), Identity::named("Bob").unwrap());
        typists.start(SessionId(1), &bob, SECOND);
        typists.start(SessionId(2), &bob, SECOND);
        assert!(!typists.stop(SessionId(1), &bob.id));
        assert_eq!(typists.view(), vec![bob.clone()]);
        assert!(typists.stop_user(&bob.id) && !typists.stop_user(&bob.id));
    }
}
