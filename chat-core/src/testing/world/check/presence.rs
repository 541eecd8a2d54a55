//! G10: online is who has a session attached with presence, or lost one less than the grace ago.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Checked, Promise, SLACK, Whom, hold};
use crate::{Identity, Limits, Presence, RoomId, SessionId, SignalKind, UserId};

/// Who is online in a room, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct PresenceCheck {
    /// Sessions attached with presence.
    sessions: BTreeMap<SessionId, UserId>,
    /// Users with a lost session, and until when that counts.
    lost: Vec<(UserId, Duration)>,
    /// Who is there, as joins and leaves told it.
    shown: BTreeSet<UserId>,
    /// What everybody attached knows.
    heard: BTreeMap<SessionId, Heard>,
    last_list: Option<Duration>,
    /// How many were served as online last.
    served: usize,
    /// The sessions that attached in this step.
    arrived: Vec<SessionId>,
    /// Lists that were not true when they were told: so they must be before the step is over.
    doubtful: Vec<Presence>,
    /// Whether anything may be different after this step.
    changed: bool,
    /// Nobody was attached before this step, so joins and leaves may have been left out.
    was_quiet: bool,
}

#[derive(Debug, Default)]
struct Heard {
    list: BTreeSet<UserId>,
    /// Since when that is not the truth.
    stale_since: Option<Duration>,
}

impl PresenceCheck {
    pub(super) fn begin(&mut self) {
        self.changed = !self.lost.is_empty();
        self.arrived.clear();
        self.was_quiet = self.heard.is_empty();
    }

    pub(super) fn attached(&mut self, session: SessionId, shown_as: Option<UserId>, now: Duration, limits: &Limits) {
        self.changed = true;
        self.heard.insert(session, Heard::default());
        self.arrived.push(session);
        self.sessions.extend(shown_as.map(|user| (session, user)));
        self.settle_doubts(now, limits);
    }

    pub(super) fn left(&mut self, session: SessionId, grace_until: Option<Duration>, now: Duration, limits: &Limits) {
        self.changed = true;
        self.heard.remove(&session);
        if let (Some(user), Some(until)) = (self.sessions.remove(&session), grace_until) {
            self.lost.push((user, until));
        }
        self.settle_doubts(now, limits);
    }

    /// A list may be told just before the attach that makes it true is answered.
    fn settle_doubts(&mut self, now: Duration, limits: &Limits) {
        let mut doubtful = std::mem::take(&mut self.doubtful);
        doubtful.retain(|list| self.check_view(list, now, limits).is_err());
        self.doubtful = doubtful;
    }

    pub(super) fn told(&mut self, kind: &SignalKind, whom: &Whom, now: Duration, limits: &Limits) -> Checked {
        self.changed = true;
        match kind {
            SignalKind::Join(user) => self.joined(user, whom, limits),
            SignalKind::Leave(user) => {
                let was = self.shown.remove(&user.id) || self.was_quiet || is_crowded(limits);
                hold(was, Promise::Presence, || format!("{} leaves, but was not there", user.id))
            }
            SignalKind::UserList(list) => self.listed(list, whom, now, limits),
            SignalKind::Typing(_) | SignalKind::Read(_) => Ok(()),
        }
    }

    fn joined(&mut self, user: &Identity, whom: &Whom, limits: &Limits) -> Checked {
        let news = self.shown.insert(user.id.clone()) || is_crowded(limits);
        hold(news, Promise::Presence, || format!("{} joins, but was there", user.id))?;
        let own = whom.iter().find(|to| self.arrived.contains(to) && self.sessions.get(to) == Some(&user.id));
        hold(own.is_none(), Promise::Presence, || format!("session {own:?} is told of the join that it caused"))
    }

    fn listed(&mut self, list: &Presence, whom: &Whom, now: Duration, limits: &Limits) -> Checked {
        if self.check_view(list, now, limits).is_err() {
            self.doubtful.push(list.clone());
        }
        if matches!(whom, Whom::All(_)) {
            let soon = self.last_list.replace(now).is_some_and(|last| now < last + limits.signal_interval);
            hold(!soon, Promise::Presence, || "two user lists within a second".to_owned())?;
        }
        for session in whom.iter() {
            if let Some(heard) = self.heard.get_mut(&session) {
                heard.list = list.online.iter().map(|identity| identity.id.clone()).collect();
            }
        }
        Ok(())
    }

    /// After each step: what joins and leaves told is the truth.
    pub(super) fn end(&mut self, now: Duration, limits: &Limits) -> Checked {
        if !self.changed {
            return Ok(());
        }
        for list in std::mem::take(&mut self.doubtful) {
            self.check_view(&list, now, limits)?;
        }
        let (certain, possible) = self.bounds(now);
        if self.heard.is_empty() || is_crowded(limits) {
            self.shown = certain;
        } else {
            let shown = &self.shown;
            hold(certain.is_subset(shown) && shown.is_subset(&possible), Promise::Presence, || {
                format!("online are {certain:?}, but joins and leaves say {shown:?}")
            })?;
        }
        let shown = &self.shown;
        self.lost.retain(|(user, until)| *until > now || (shown.contains(user) && *until + SLACK >= now));
        for heard in self.heard.values_mut() {
            let stale = heard.list != *shown && !is_crowded(limits);
            heard.stale_since = if stale { heard.stale_since.or(Some(now)) } else { None };
        }
        Ok(())
    }

    /// What is served to whoever asks.
    pub(super) fn check_served(&mut self, served: &Presence, now: Duration, limits: &Limits) -> Checked {
        if !self.changed && served.count == self.served {
            return Ok(());
        }
        self.check_view(served, now, limits)?;
        self.served = served.count;
        Ok(())
    }

    fn check_view(&self, view: &Presence, now: Duration, limits: &Limits) -> Checked {
        let (certain, possible) = self.bounds(now);
        let right_count = (certain.len()..=possible.len()).contains(&view.count);
        hold(right_count, Promise::Presence, || format!("online are {certain:?}, but {} are counted", view.count))?;
        let named = view.online.len() == view.count;
        let (must, may) = (view.count < limits.presence_list_again, view.count <= limits.presence_list_max);
        let right_form = if view.online.is_empty() { view.count == 0 || !must } else { named && may };
        hold(right_form, Promise::Presence, || format!("{} online, {} named", view.count, view.online.len()))?;
        let online: BTreeSet<UserId> = view.online.iter().map(|identity| identity.id.clone()).collect();
        let right = online.is_empty() || (certain.is_subset(&online) && online.is_subset(&possible));
        hold(right, Promise::Presence, || format!("online are {certain:?}, but listed {online:?}"))
    }

    /// A list that is no longer true is replaced within a second.
    pub(super) fn check_times(&self, room: RoomId, now: Duration, limits: &Limits) -> Checked {
        let late = |heard: &Heard| heard.stale_since.is_some_and(|since| now > since + limits.signal_interval + SLACK);
        let stale = self.heard.iter().find(|(_, heard)| late(heard));
        hold(stale.is_none(), Promise::Presence, || {
            format!("in room {room} are {:?}, but a session was last told {stale:?}", self.shown)
        })?;
        let overdue = |(user, until): &&(UserId, Duration)| {
            now > *until + SLACK && self.shown.contains(user) && !self.sessions.values().any(|online| online == user)
        };
        let newest = |user: &UserId| self.lost.iter().filter(|(lost, _)| lost == user).map(|(_, until)| *until).max();
        let kept = self.lost.iter().filter(overdue).find(|(user, until)| newest(user) == Some(*until));
        hold(kept.is_none(), Promise::Presence, || {
            format!("{kept:?} is over, but they are still online in room {room}")
        })
    }

    pub(super) fn is_empty(&self, now: Duration) -> bool {
        self.bounds(now).0.is_empty()
    }

    pub(super) fn is_settled(&self, now: Duration) -> bool {
        self.lost.iter().all(|(_, until)| *until + SLACK < now)
            && self.heard.values().all(|heard| heard.stale_since.is_none())
    }

    /// Who is surely online, and who may still be: a grace that just ended is noticed a moment later.
    fn bounds(&self, now: Duration) -> (BTreeSet<UserId>, BTreeSet<UserId>) {
        let attached = self.sessions.values().cloned();
        let in_grace = |slack: Duration| {
            self.lost.iter().filter(move |(_, until)| *until + slack > now).map(|(user, _)| user.clone())
        };
        let certain: BTreeSet<UserId> = attached.chain(in_grace(Duration::ZERO)).collect();
        let possible = certain.iter().cloned().chain(in_grace(SLACK)).collect();
        (certain, possible)
    }
}

/// Whether there are so few names to be told that joins and leaves come and go.
fn is_crowded(limits: &Limits) -> bool {
    limits.presence_list_max < 100
}
