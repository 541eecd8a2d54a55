//! The sessions there are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use crate::{
    Identity, SessionId, UserId,
    engine::{
        inner::Inner,
        lock,
        session_core::{Ending, SessionCore},
    },
    log::Excerpt,
};

/// All live sessions, by id.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Registry>);

#[derive(Debug, Default)]
struct Registry {
    last_id: u64,
    closed: bool,
    live: HashMap<SessionId, Weak<SessionCore>>,
    per_user: HashMap<UserId, usize>,
}

impl Sessions {
    /// A new session; one that has ended already when there are too many, or the engine stops.
    pub(super) fn connect(&self, inner: &Arc<Inner>, identity: Identity) -> Arc<SessionCore> {
        let mut registry = lock(&self.0);
        registry.last_id += 1;
        let id = SessionId(registry.last_id);
        let refusal = registry.refusal(inner, &identity.id);
        let session = Arc::new(SessionCore::new(inner, id, identity));
        inner.metrics.session_opened();
        if let Some(ending) = refusal {
            drop(registry);
            session.end(ending);
            return session;
        }
        registry.live.insert(id, Arc::downgrade(&session));
        *registry.per_user.entry(session.identity().id.clone()).or_default() += 1;
        tracing::debug!(session.id = id.0, user.id = %Excerpt(&session.identity().id), "a session has started");
        session
    }

    /// A live session.
    pub(super) fn get(&self, id: SessionId) -> Option<Arc<SessionCore>> {
        lock(&self.0).live.get(&id).and_then(Weak::upgrade)
    }

    /// Forgets a session that ended.
    pub(super) fn remove(&self, session: &SessionCore) {
        let mut registry = lock(&self.0);
        if registry.live.remove(&session.id()).is_none() {
            return;
        }
        tracing::debug!(session.id = session.id().0, "a session has ended");
        let user = &session.identity().id;
        if let Some(count) = registry.per_user.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                registry.per_user.remove(user);
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        lock(&self.0).live.len()
    }

    /// Takes no more, and returns those there are.
    pub(super) fn close(&self) -> Vec<Arc<SessionCore>> {
        let mut registry = lock(&self.0);
        registry.closed = true;
        registry.live.values().filter_map(Weak::upgrade).collect()
    }
}

impl Registry {
    fn refusal(&self, inner: &Inner, user: &UserId) -> Option<Ending> {
        let of_user = self.per_user.get(user).copied().unwrap_or_default();
        if self.closed {
            return Some(Ending::SHUTDOWN);
        }
        let all = inner.limits.sessions.is_some_and(|limit| self.live.len() >= limit);
        let own = inner.limits.sessions_per_user.is_some_and(|limit| of_user >= limit);
        (all || own).then_some(Ending::TOO_MANY)
    }
}
