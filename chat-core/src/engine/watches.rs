//! Which sessions watch which rooms, and how they hear of what happens there.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    Action, Activity, Actor, DetachReason, Error, Event, EventKind, Identity, MemberChange, Notice, RoomId, RoomKind,
    Seq, SessionId, UserId,
    engine::{lock::lock, services::Services, sessions::Sessions, subscriber::Subscriber},
    rights::{Asker, RoomAction},
};

/// The sessions that watch rooms. The rooms' tasks say what they publish; a room that is only watched has no task.
///
/// What watchers are told is read from the store, once for all rooms where something has happened, and at most once a second
/// per room.
pub(super) struct Watches {
    services: Arc<Services>,
    sessions: Arc<Sessions>,
    table: Mutex<Table>,
    /// Wakes the task that tells when a room is due earlier than all others.
    wake: Notify,
}

#[derive(Debug, Default)]
struct Table {
    rooms: HashMap<RoomId, Watched>,
    /// The rooms where something is to be told, by when.
    due: BTreeSet<(Instant, RoomId)>,
}

/// A room that somebody watches.
#[derive(Debug, Default)]
struct Watched {
    /// Each with the newest change of rights that its user was judged by.
    sessions: BTreeMap<SessionId, Seq>,
    /// Why users may not see it any more, until their watches end.
    reasons: BTreeMap<UserId, DetachReason>,
    /// Whether something is to be told, and whether its watchers are to be judged.
    is_news: bool,
    judges: bool,
    /// Its newest message outside of threads, once it is known.
    last: Option<Seq>,
    /// The head that was told last.
    told: Seq,
    /// The newest event that is to be told.
    newest: Seq,
    /// Whether a message that is to be told mentions everyone.
    mentions_room: bool,
    /// When it is told, if something is to be told.
    due: Option<Instant>,
    /// Until when nothing more is told.
    quiet_until: Option<Instant>,
}

/// A room that is being told of.
#[derive(Debug, Clone, Copy)]
struct Telling {
    room: RoomId,
    /// Whether it is because of a message that mentions everyone.
    mentions_room: bool,
    /// Whether there is something to tell: else only its watchers are judged.
    is_news: bool,
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches").field("table", &self.table).finish_non_exhaustive()
    }
}

impl Watches {
    pub(super) fn new(services: &Arc<Services>, sessions: &Arc<Sessions>) -> Arc<Self> {
        let (services, sessions) = (Arc::clone(services), Arc::clone(sessions));
        Arc::new(Self { services, sessions, table: Mutex::default(), wake: Notify::new() })
    }

    /// From now on, a session watches a room.
    pub(super) fn add(&self, room: RoomId, session: SessionId) {
        lock(&self.table).rooms.entry(room).or_default().sessions.insert(session, Seq(0));
    }

    /// From now on, a session watches these rooms no longer.
    pub(super) fn remove(&self, session: SessionId, rooms: impl IntoIterator<Item = RoomId>) {
        let mut table = lock(&self.table);
        for room in rooms {
            let Some(watched) = table.rooms.get_mut(&room) else { continue };
            watched.sessions.remove(&session);
            if watched.sessions.is_empty() {
                table.take(room);
            }
        }
    }

    /// Where the log of a room ends. The watch of it stands already, so that what happens after this is told, and so that the policy is
    /// asked here or by a [recheck](Self::recheck), whatever it says meanwhile.
    pub(super) async fn head(&self, room: RoomId, session: SessionId, user: &Identity) -> Result<Seq, Error> {
        self.may_see(room, user)?;
        let asker = |standing| Asker::User { standing, admin: user.admin };
        let seen = self.services.in_room(room, Some(&user.id), RoomAction::Read, asker).await?;
        if let Some(watched) = lock(&self.table).rooms.get_mut(&room) {
            watched.last = watched.last.max(seen.last_message_seq);
            watched.judged(session, seen.rights_seq);
        }
        Ok(seen.head)
    }

    /// Ends the watch of a room if the policy refuses it now.
    pub(super) fn recheck(&self, room: RoomId, session: &dyn Subscriber) {
        if self.may_see(room, session.user()).is_err() {
            self.remove(session.id(), [room]);
            session.watch_ended(room, DetachReason::Removed);
        }
    }

    /// Ends the watches of those who may not see these rooms any more by what they are in them.
    pub(super) async fn judge_all(&self, rooms: &[RoomId]) -> Result<(), Error> {
        for rooms in rooms.chunks(ROOMS_PER_STATEMENT) {
            // No event tells of what the host has changed.
            self.judged_rooms(rooms, self.services.host().is_some()).await?;
        }
        Ok(())
    }

    fn may_see(&self, room: RoomId, user: &Identity) -> Result<(), Error> {
        self.services.check(&Actor::User(user.clone()), Action::ReadRoom(room))
    }

    /// A room has published an event.
    pub(super) fn heard(&self, event: &Event) {
        let mut table = lock(&self.table);
        if table.rooms.get_mut(&event.room).is_some_and(|watched| watched.takes(event)) && table.mark(event.room, None)
        {
            drop(table);
            self.wake.notify_one();
        }
    }

    /// A room is gone: its watchers hear so, as the last of it.
    pub(super) fn deleted(&self, room: RoomId) {
        let watched = lock(&self.table).take(room);
        let sessions = watched.into_iter().flat_map(|watched| watched.sessions.into_keys());
        self.each(sessions, |session| session.watch_ended(room, DetachReason::Deleted));
    }

    /// How many rooms are watched.
    #[cfg(test)]
    pub(super) fn rooms(&self) -> usize {
        lock(&self.table).rooms.len()
    }

    /// Tells the watchers what happens, until the engine stops.
    pub(super) async fn run(self: Arc<Self>) {
        let mut stop = self.services.lifecycle.stop();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = async {
                    self.wait().await;
                    self.tell_due().await;
                } => {}
            }
        }
    }

    /// Waits until a room is due.
    async fn wait(&self) {
        loop {
            let next = lock(&self.table).due.first().map(|(at, _)| *at);
            match next {
                Some(at) if at <= Instant::now() => return,
                Some(at) => tokio::select! {
                    () = sleep_until(at) => return,
                    () = self.wake.notified() => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    async fn tell_due(&self) {
        let rooms = lock(&self.table).take_due(Instant::now(), self.services.limits.signal_interval);
        // A store or a policy that panics must not be the end of all activity.
        let told = AssertUnwindSafe(self.tell(&rooms)).catch_unwind().await;
        if told.unwrap_or(Err(Error::Internal)).is_err() {
            lock(&self.table).tell_again(&rooms, Instant::now() + AGAIN_AFTER);
        }
    }

    /// Reads what these rooms look like, and tells their watchers.
    async fn tell(&self, rooms: &[Telling]) -> Result<(), Error> {
        let ids: Vec<RoomId> = rooms.iter().map(|telling| telling.room).collect();
        // All before the first is told: if a room cannot be judged, they are told again.
        let read = self.judged_rooms(&ids, false).await?;
        for (Telling { mentions_room, is_news, .. }, activity) in rooms.iter().zip(read) {
            let Some(activity) = activity.filter(|_| *is_news) else { continue };
            let sessions = lock(&self.table).told(&activity);
            let activity = Arc::new(Activity { mentions_room: *mentions_room, ..activity });
            self.each(sessions, |session| session.notify(Notice::Activity(Arc::clone(&activity))));
        }
        Ok(())
    }

    /// Reads what rooms look like, after which nobody watches them who may not see them. Who was judged by the newest change of rights
    /// is judged again only if `all` are.
    async fn judged_rooms(&self, rooms: &[RoomId], all: bool) -> Result<Vec<Option<Activity>>, Error> {
        let read = self.services.read(self.services.store.reader().activity(rooms).await)?;
        for (room, activity) in rooms.iter().zip(&read) {
            match activity {
                Some(activity) => self.judge(*room, if all { Seq(u64::MAX) } else { activity.rights_seq }).await?,
                None => self.deleted(*room),
            }
        }
        Ok(read)
    }

    /// Ends the watches of those who may not see a room any more, if rights were changed there since they were judged. What is told
    /// after it was read before it.
    async fn judge(&self, room: RoomId, changed: Seq) -> Result<(), Error> {
        let unjudged = lock(&self.table).rooms.get(&room).map(|watched| watched.unjudged(changed)).unwrap_or_default();
        let sessions: Vec<_> = unjudged.into_iter().filter_map(|session| self.sessions.get(session)).collect();
        let users: BTreeSet<_> = sessions.iter().map(|session| session.user().id.clone()).collect();
        if users.is_empty() {
            return Ok(());
        }
        let users: Vec<_> = users.into_iter().collect();
        let Some(standings) = self.services.standings(room, &users).await? else {
            self.deleted(room);
            return Ok(());
        };
        let now = self.services.clock.now().wall;
        for session in sessions {
            let (user, standing) = (session.user(), standings.of(&session.user().id));
            let asker = Asker::User { standing, admin: user.admin };
            if standings.terms.check(RoomAction::Read, asker, now).is_ok() {
                if let Some(watched) = lock(&self.table).rooms.get_mut(&room) {
                    watched.judged(session.id(), standings.at);
                }
                continue;
            }
            let reason = lock(&self.table).rooms.get(&room).and_then(|watched| watched.reasons.get(&user.id).copied());
            self.remove(session.id(), [room]);
            session.watch_ended(room, reason.unwrap_or(DetachReason::Private));
        }
        if let Some(watched) = lock(&self.table).rooms.get_mut(&room) {
            watched.reasons.clear();
        }
        Ok(())
    }

    /// Calls each of these sessions that is still there. The table must not be locked.
    fn each(&self, sessions: impl IntoIterator<Item = SessionId>, call: impl Fn(&dyn Subscriber)) {
        sessions.into_iter().filter_map(|id| self.sessions.get(id)).for_each(|session| call(&*session));
    }
}

impl Table {
    /// Something is to be told of a room, at once if nothing was for a while, and not before `earliest`. Returns whether it is
    /// due before all others.
    fn mark(&mut self, room: RoomId, earliest: Option<Instant>) -> bool {
        let Some(watched) = self.rooms.get_mut(&room).filter(|watched| watched.due.is_none()) else { return false };
        let at = watched.quiet_until.max(earliest).unwrap_or_else(Instant::now);
        watched.due = Some(at);
        self.due.insert((at, room));
        self.due.first() == Some(&(at, room))
    }

    /// Takes the rooms that are due. Until the interval is over, nothing more is told of them.
    fn take_due(&mut self, now: Instant, interval: Duration) -> Vec<Telling> {
        let mut rooms = Vec::new();
        while rooms.len() < ROOMS_PER_STATEMENT
            && let Some((at, room)) = self.due.first().copied().filter(|(at, _)| *at <= now)
        {
            self.due.remove(&(at, room));
            if let Some(watched) = self.rooms.get_mut(&room) {
                (watched.due, watched.quiet_until) = (None, Some(now + interval));
                let mentions_room = std::mem::take(&mut watched.mentions_room);
                watched.judges = false;
                rooms.push(Telling { room, mentions_room, is_news: std::mem::take(&mut watched.is_news) });
            }
        }
        rooms
    }

    /// These rooms could not be told of.
    fn tell_again(&mut self, rooms: &[Telling], at: Instant) {
        for Telling { room, mentions_room, is_news } in rooms {
            if let Some(watched) = self.rooms.get_mut(room) {
                watched.mentions_room |= mentions_room;
                watched.is_news |= is_news;
            }
            self.mark(*room, Some(at));
        }
    }

    /// An activity is being told to the sessions that this returns. What it has told already is not told again.
    fn told(&mut self, activity: &Activity) -> Vec<SessionId> {
        let Some(watched) = self.rooms.get_mut(&activity.room) else { return Vec::new() };
        watched.learn(activity);
        watched.told = activity.head;
        if watched.newest <= watched.told
            && !watched.mentions_room
            && !watched.judges
            && let Some(at) = watched.due.take()
        {
            self.due.remove(&(at, activity.room));
        }
        watched.sessions.keys().copied().collect()
    }

    /// Forgets a room.
    fn take(&mut self, room: RoomId) -> Option<Watched> {
        let watched = self.rooms.remove(&room)?;
        if let Some(at) = watched.due {
            self.due.remove(&(at, room));
        }
        Some(watched)
    }
}

impl Watched {
    /// Takes in an event. Returns whether its watchers are to be told of it: a message, or a change of the newest one.
    fn takes(&mut self, event: &Event) -> bool {
        let is_mention = event.countable().is_some_and(|message| message.body.mentions_room);
        let is_news = match &event.kind {
            EventKind::Message(_) => event.countable().is_some(),
            EventKind::MessageEdited(_) | EventKind::MessageDeleted { .. } => {
                // Until the newest message is known, any may be it.
                self.last.is_none_or(|last| event.target() == Some(last))
            }
            EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => false,
        };
        if event.countable().is_some() {
            self.last = self.last.max(Some(event.seq));
        }
        let tells = is_news && (event.seq > self.told || is_mention);
        if tells {
            self.is_news = true;
            self.newest = self.newest.max(event.seq);
            self.mentions_room |= is_mention;
        }
        tells || self.takes_rights(event)
    }

    /// Takes in that somebody may not see the room any more. Returns whether its watchers are to be judged.
    fn takes_rights(&mut self, event: &Event) -> bool {
        let reason = match &event.kind {
            EventKind::Member(member) => match member.change {
                MemberChange::Left => DetachReason::Left,
                MemberChange::Removed => DetachReason::Removed,
                MemberChange::Banned => DetachReason::Banned,
                MemberChange::Joined
                | MemberChange::Added
                | MemberChange::Role
                | MemberChange::Unbanned
                | MemberChange::Muted
                | MemberChange::Unmuted => return false,
            },
            EventKind::RoomUpdated { kind, .. } => {
                self.judges |= *kind != RoomKind::Public;
                return self.judges;
            }
            EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::RoomDeleted => return false,
        };
        if self.reasons.len() < MOST_REASONS
            && let Some(member) = event.member()
        {
            self.reasons.insert(member.user.id.clone(), reason);
        }
        self.judges = true;
        true
    }

    /// A session's user was judged by this change of rights.
    fn judged(&mut self, session: SessionId, by: Seq) {
        if let Some(judged) = self.sessions.get_mut(&session) {
            *judged = by.max(*judged);
        }
    }

    /// Whose users were not judged by this change of rights.
    fn unjudged(&self, changed: Seq) -> Vec<SessionId> {
        self.sessions.iter().filter(|(_, judged)| **judged < changed).map(|(session, _)| *session).collect()
    }

    fn learn(&mut self, activity: &Activity) {
        self.last = self.last.max(activity.last.as_ref().map(|last| last.seq));
    }
}

/// When a read that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const ROOMS_PER_STATEMENT: usize = 1_000;
/// How many are remembered who left a room within a second; the watches of others end as of one that has become private.
const MOST_REASONS: usize = 1_000;
