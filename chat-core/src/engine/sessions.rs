//! The registry of sessions: by id, and by user.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, Weak},
};

use crate::{
    Limits, Notice, SessionId, UserId,
    engine::{ending::Ending, lock::lock, subscriber::Subscriber},
    log::Excerpt,
};

/// All live sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Registry>);

#[derive(Debug, Default)]
struct Registry {
    last_id: u64,
    is_closed: bool,
    live: HashMap<SessionId, Weak<dyn Subscriber>>,
    of_user: HashMap<UserId, BTreeSet<SessionId>>,
}

impl Sessions {
    /// Makes a session with an id of its own and takes it in; returns how it ends at once when there are too many, or the
    /// engine stops.
    pub(super) fn add<S: Subscriber + 'static>(
        &self,
        limits: &Limits,
        user: &UserId,
        make: impl FnOnce(SessionId) -> Arc<S>,
    ) -> (Arc<S>, Option<Ending>) {
        let mut registry = lock(&self.0);
        registry.last_id += 1;
        let id = SessionId(registry.last_id);
        let session = make(id);
        if let Some(refusal) = registry.refusal(limits, user) {
            return (session, Some(refusal));
        }
        let subscriber: Arc<dyn Subscriber> = session.clone();
        registry.live.insert(id, Arc::downgrade(&subscriber));
        registry.of_user.entry(user.clone()).or_default().insert(id);
        drop(registry);
        tracing::debug!(session.id = id.0, user.id = %Excerpt(user), "a session has started");
        (session, None)
    }

    /// A live session.
    pub(super) fn get(&self, id: SessionId) -> Option<Arc<dyn Subscriber>> {
        lock(&self.0).live.get(&id).and_then(Weak::upgrade)
    }

    /// Forgets a session that ended.
    pub(super) fn remove(&self, session: SessionId, user: &UserId) {
        let mut registry = lock(&self.0);
        if registry.live.remove(&session).is_none() {
            return;
        }
        if let Some(own) = registry.of_user.get_mut(user) {
            own.remove(&session);
            if own.is_empty() {
                registry.of_user.remove(user);
            }
        }
        drop(registry);
        tracing::debug!(session.id = session.0, "a session has ended");
    }

    /// Tells all sessions of a user something that concerns the user, but not the session `except`. Returns how many there are.
    pub(super) fn notify(&self, user: &UserId, except: Option<SessionId>, notice: &Notice) -> usize {
        let mut sessions = self.of_user(user);
        sessions.retain(|session| Some(session.id()) != except);
        sessions.iter().for_each(|session| session.notify(notice.clone()));
        sessions.len()
    }

    /// Ends all sessions of a user. Returns how many there were.
    pub(super) fn end_all_of(&self, user: &UserId, ending: Ending) -> usize {
        let sessions = self.of_user(user);
        sessions.iter().for_each(|session| session.end(ending));
        sessions.len()
    }

    /// The live sessions of a user, oldest first. They are handed out rather than called from here: a session that is told
    /// something may end over it, and then takes itself out of this registry, which must not be locked.
    pub(super) fn of_user(&self, user: &UserId) -> Vec<Arc<dyn Subscriber>> {
        let registry = lock(&self.0);
        let own = registry.of_user.get(user).into_iter().flatten();
        own.filter_map(|id| registry.live.get(id).and_then(Weak::upgrade)).collect()
    }

    /// Who has live sessions.
    pub(super) fn users(&self) -> Vec<UserId> {
        lock(&self.0).of_user.keys().cloned().collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        lock(&self.0).live.len()
    }

    /// Takes no more, and returns those there are.
    pub(super) fn close(&self) -> Vec<Arc<dyn Subscriber>> {
        let mut registry = lock(&self.0);
        registry.is_closed = true;
        registry.live.values().filter_map(Weak::upgrade).collect()
    }
}

impl Registry {
    fn refusal(&self, limits: &Limits, user: &UserId) -> Option<Ending> {
        let of_user = self.of_user.get(user).map_or(0, BTreeSet::len);
        if self.is_closed {
            return Some(Ending::SHUTDOWN);
        }
        let all = limits.sessions.is_some_and(|limit| self.live.len() >= limit);
        let own = limits.sessions_per_user.is_some_and(|limit| of_user >= limit);
        (all || own).then_some(Ending::TOO_MANY)
    }
}
