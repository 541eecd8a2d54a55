//! Who is typing in a room: a hint that expires by itself.
//!
//! Whatever happens to one session costs the same, however many others type.

use std::{collections::BTreeMap, time::Duration};

use crate::{Identity, SessionId, Typing, UserId};

/// The users who are typing, kept per session so that one session's end does not stop another's.
#[derive(Debug)]
pub(super) struct Typists {
    users: BTreeMap<UserId, Typist>,
    /// The same users in the order in which they began.
    in_order: BTreeMap<u64, Identity>,
    /// When each session stops unless it is refreshed, and whose it is.
    deadlines: BTreeMap<(Duration, SessionId), UserId>,
    /// How many began so far.
    begun: u64,
    expiry: Duration,
    /// How many are named.
    named: usize,
}

#[derive(Debug)]
struct Typist {
    /// Their place in the order.
    place: u64,
    /// When each of their sessions stops unless it is refreshed.
    sessions: BTreeMap<SessionId, Duration>,
}

impl Typists {
    /// Nobody types. Unless it is refreshed, typing is over after `expiry`; of those who type, so many are `named`.
    pub(super) const fn new(expiry: Duration, named: usize) -> Self {
        Self { users: BTreeMap::new(), in_order: BTreeMap::new(), deadlines: BTreeMap::new(), begun: 0, expiry, named }
    }

    /// A session's user types. Returns whether that is news.
    pub(super) fn start(&mut self, session: SessionId, identity: &Identity, now: Duration) -> bool {
        let until = now + self.expiry;
        let is_news = !self.users.contains_key(&identity.id);
        if is_news {
            self.begun += 1;
            self.in_order.insert(self.begun, identity.clone());
            self.users.insert(identity.id.clone(), Typist { place: self.begun, sessions: BTreeMap::new() });
        }
        if let Some(typist) = self.users.get_mut(&identity.id)
            && let Some(before) = typist.sessions.insert(session, until)
        {
            self.deadlines.remove(&(before, session));
        }
        self.deadlines.insert((until, session), identity.id.clone());
        is_news
    }

    /// A session stopped, or is gone. Returns whether its user is no longer typing.
    pub(super) fn stop(&mut self, session: SessionId, user: &UserId) -> bool {
        let Some(typist) = self.users.get_mut(user) else { return false };
        if let Some(until) = typist.sessions.remove(&session) {
            self.deadlines.remove(&(until, session));
        }
        typist.sessions.is_empty() && self.stop_user(user)
    }

    /// A user sent what they typed. Returns whether they were typing.
    pub(super) fn stop_user(&mut self, user: &UserId) -> bool {
        let Some(typist) = self.users.remove(user) else { return false };
        self.in_order.remove(&typist.place);
        for (session, until) in typist.sessions {
            self.deadlines.remove(&(until, session));
        }
        true
    }

    /// Ends what was not refreshed. Returns whether someone is no longer typing.
    pub(super) fn expire(&mut self, now: Duration) -> bool {
        let mut is_news = false;
        while self.poll_timeout().is_some_and(|until| until <= now)
            && let Some(((_, session), user)) = self.deadlines.pop_first()
        {
            is_news |= self.stop(session, &user);
        }
        is_news
    }

    /// When the next one expires.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.deadlines.first_key_value().map(|((until, _), _)| *until)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Who is typing, as it is told: those who began first, so that names do not come and go while people type on.
    pub(super) fn view(&self) -> Typing {
        Typing { count: self.users.len(), identities: self.in_order.values().take(self.named).cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_expires_unless_it_is_refreshed() {
        let (mut typists, bob) = (Typists::new(6 * SECOND, 5), Identity::named("Bob").unwrap());
        assert!(typists.start(SessionId(1), &bob, SECOND));
        assert!(!typists.start(SessionId(1), &bob, 4 * SECOND), "a refresh is no news");
        assert!(!typists.expire(9 * SECOND));
        assert_eq!(typists.poll_timeout(), Some(10 * SECOND));
        assert!(typists.expire(10 * SECOND) && typists.is_empty());
    }

    #[test]
    fn one_session_stops_for_itself_and_a_message_stops_all() {
        let (mut typists, bob) = (Typists::new(6 * SECOND, 5), Identity::named("Bob").unwrap());
        typists.start(SessionId(1), &bob, SECOND);
        typists.start(SessionId(2), &bob, SECOND);
        assert!(!typists.stop(SessionId(1), &bob.id));
        assert_eq!(typists.view(), Typing { count: 1, identities: vec![bob.clone()] });
        assert!(typists.stop_user(&bob.id) && !typists.stop_user(&bob.id));
    }

    #[test]
    fn of_many_those_who_began_first_are_named_and_all_are_counted() {
        let user = |number: u64| Identity::named(&format!("user {number}")).unwrap();
        let mut typists = Typists::new(6 * SECOND, 5);
        // From the last by name to the first.
        for number in (0..1_000).rev() {
            typists.start(SessionId(number), &user(number), SECOND);
        }
        let named = |typists: &Typists| -> Vec<String> {
            typists.view().identities.iter().map(|identity| identity.name.to_string()).collect()
        };
        assert_eq!(
            (typists.view().count, named(&typists)),
            (1_000, (995..1_000).rev().map(|n| format!("user {n}")).collect())
        );
        // A refresh changes nothing; who stops makes room for the next.
        typists.start(SessionId(995), &user(995), 2 * SECOND);
        typists.stop(SessionId(999), &user(999).id);
        assert_eq!(
            (typists.view().count, named(&typists)),
            (999, (994..999).rev().map(|n| format!("user {n}")).collect())
        );
        assert!(typists.expire(7 * SECOND));
        assert_eq!(named(&typists), ["user 995"], "who refreshed goes on");
        assert!(
            typists.expire(8 * SECOND) && typists.is_empty() && typists.in_order.is_empty() && typists.begun == 1_000
        );
    }
}
