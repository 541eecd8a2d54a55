//! G11: who is shown as typing does, or did a moment ago; who types is shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Checked, Promise, SLACK, Whom, hold};
use crate::{Limits, RoomId, SessionId, Typing, UserId};

/// Who types in a room, and who is shown to whom.
#[derive(Debug, Default)]
pub(super) struct TypingCheck {
    typists: BTreeMap<UserId, Typist>,
    heard: BTreeMap<SessionId, Heard>,
    last_signal: Option<Duration>,
}

#[derive(Debug, Default)]
struct Typist {
    /// Until when each of their sessions types.
    sessions: BTreeMap<SessionId, Duration>,
    /// Since when they type without a break.
    began: Duration,
    /// When they stopped, or will if they do nothing.
    until: Duration,
}

#[derive(Debug)]
struct Heard {
    shown: BTreeSet<UserId>,
    /// Whether there were more than are named.
    has_more: bool,
    since: Duration,
}

impl TypingCheck {
    pub(super) fn attached(&mut self, session: SessionId, now: Duration) {
        self.heard.insert(session, Heard { shown: BTreeSet::new(), has_more: false, since: now });
    }

    pub(super) fn left(&mut self, session: SessionId, now: Duration) {
        self.heard.remove(&session);
        let users: Vec<UserId> = self.typists.keys().cloned().collect();
        for user in users {
            self.typed(session, &user, None, now);
        }
    }

    /// A session types until then, or stopped.
    pub(super) fn typed(&mut self, session: SessionId, user: &UserId, until: Option<Duration>, now: Duration) {
        let typist = self.typists.entry(user.clone()).or_default();
        if typist.until <= now {
            typist.sessions.clear();
            typist.began = now;
        }
        match until {
            Some(until) => {
                typist.sessions.insert(session, until);
            }
            None => {
                typist.sessions.remove(&session);
            }
        }
        // A session that forgot to stop counts for no longer than it typed.
        let last = typist.sessions.values().max().copied().filter(|until| *until > now);
        typist.until = last.unwrap_or_else(|| typist.until.min(now));
    }

    /// A user's message says that they are done.
    pub(super) fn wrote(&mut self, user: &UserId, now: Duration) {
        if let Some(typist) = self.typists.get_mut(user) {
            typist.sessions.clear();
            typist.until = typist.until.min(now);
        }
    }

    pub(super) fn told(&mut self, typing: &Typing, whom: &Whom, now: Duration, limits: &Limits) -> Checked {
        let told: BTreeSet<UserId> = typing.identities.iter().map(|user| user.id.clone()).collect();
        self.check_count(typing, now, limits)?;
        let has_more = typing.count > told.len();
        let missing = self.typists.iter().find(|(user, typist)| typist.until > now && !told.contains(*user));
        if let Some((user, typist)) = missing {
            let earlier =
                told.iter().all(|named| self.typists.get(named).is_none_or(|named| named.began <= typist.began));
            hold(has_more && earlier, Promise::Typing, || format!("{user} types, but is not among {typing:?}"))?;
        }
        let done = told.iter().find(|user| self.until(user).is_none_or(|until| until + SLACK < now));
        hold(done.is_none(), Promise::Typing, || format!("{done:?} does not type, but is told to"))?;
        if matches!(whom, Whom::All(_)) {
            let soon = self.last_signal.replace(now).is_some_and(|last| now < last + limits.signal_interval);
            hold(!soon, Promise::Typing, || "two typing signals within a second".to_owned())?;
        }
        for session in whom.iter() {
            if let Some(heard) = self.heard.get_mut(&session) {
                heard.shown.clone_from(&told);
                heard.has_more = has_more;
            }
        }
        Ok(())
    }

    /// All who type are counted, and as many as may be are named.
    fn check_count(&self, typing: &Typing, now: Duration, limits: &Limits) -> Checked {
        let count = |slack: Duration| self.typists.values().filter(|typist| typist.until + slack > now).count();
        let right = (count(Duration::ZERO)..=count(2 * SLACK)).contains(&typing.count)
            && typing.identities.len() == typing.count.min(limits.typing_names);
        hold(right, Promise::Typing, || format!("{} type, but told is {typing:?}", count(Duration::ZERO)))
    }

    /// Whoever stopped is hidden within a second; whoever types is shown within a second.
    pub(super) fn check_times(&self, room: RoomId, now: Duration, limits: &Limits) -> Checked {
        let told_late = limits.signal_interval + 2 * SLACK;
        for (session, heard) in &self.heard {
            let over = heard.shown.iter().find(|user| self.until(user).is_none_or(|until| until + told_late < now));
            hold(over.is_none(), Promise::Typing, || {
                format!("session {session} is still shown {over:?} typing in room {room}, who stopped")
            })?;
            let begins = |typist: &Typist| (typist.began + told_late).max(heard.since);
            let hidden = self.typists.iter().find(|(user, typist)| {
                typist.until > now && begins(typist) < now && !heard.has_more && !heard.shown.contains(*user)
            });
            hold(hidden.is_none(), Promise::Typing, || {
                format!("session {session} is not shown {hidden:?} typing in room {room}")
            })?;
        }
        Ok(())
    }

    pub(super) fn is_settled(&self, now: Duration) -> bool {
        self.typists.values().all(|typist| typist.until < now)
            && self.heard.values().all(|heard| heard.shown.is_empty())
    }

    fn until(&self, user: &UserId) -> Option<Duration> {
        self.typists.get(user).map(|typist| typist.until)
    }
}
