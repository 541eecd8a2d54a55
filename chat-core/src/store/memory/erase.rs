//! Erasing users from memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::{MemoryLog, MemoryStore, RoomLog, RoomState};
use crate::{
    Erase, Event, EventKind, Identity, Reason, RoomId, Seq, UserId, UserName,
    append::Fingerprint,
    erasure::{DELETED_USER, Erasure, LogExtent, LogPart},
    store::{Eraser, StoreError},
};

impl MemoryLog {
    /// See [`Eraser::begin`].
    pub fn begin_erasure(&mut self, erasure: &Erasure) -> Erasure {
        let recorded = self.erasures.entry(erasure.user.clone()).or_insert_with(|| erasure.clone());
        recorded.mode = recorded.mode.max(erasure.mode);
        recorded.clone()
    }

    /// See [`Eraser::unfinished`].
    #[must_use]
    pub fn unfinished_erasures(&self) -> Vec<Erasure> {
        self.erasures.values().cloned().collect()
    }

    /// See [`Eraser::finish`].
    pub fn finish_erasure(&mut self, erasure: &Erasure) -> bool {
        self.erasures.retain(|user, recorded| *user != erasure.user || recorded.mode != erasure.mode);
        !self.erasures.contains_key(&erasure.user)
    }

    /// See [`Eraser::logs`].
    #[must_use]
    pub fn logs(&self, after: Option<RoomId>, limit: usize) -> Vec<LogExtent> {
        let rooms = self.rooms.values().filter(|log| after.is_none_or(|after| log.room.id > after));
        let extent = |log: &RoomLog| {
            let (room, head) = (log.room.id, log.room.head);
            LogExtent { room, first: log.events.keys().next().copied().unwrap_or(head.next()), head }
        };
        rooms.take(limit).map(extent).collect()
    }

    /// See [`Eraser::messages_of`].
    #[must_use]
    pub fn messages_of(&self, erasure: &Erasure, part: LogPart) -> Vec<Seq> {
        let Some(log) = self.rooms.get(&part.room) else { return Vec::new() };
        let is_theirs = |event: &Event| {
            let author = event.actor.as_ref().map(|actor| &actor.id);
            event.message().is_some() && [&erasure.user, &erasure.new_id].map(Some).contains(&author)
        };
        let events = log.events.values().filter(|stored| part.has(stored.event.seq) && is_theirs(&stored.event));
        let seqs = events.map(|stored| stored.event.seq);
        seqs.filter(|seq| !log.state.deleted.contains_key(seq)).collect()
    }

    /// See [`Eraser::replace`].
    pub fn replace_user(&mut self, erasure: &Erasure, part: LogPart) -> u64 {
        let Some(log) = self.rooms.get_mut(&part.room) else { return 0 };
        let mut changed = 0;
        for stored in log.events.values_mut().filter(|stored| part.has(stored.event.seq)) {
            let before = stored.lookup();
            let event = replaced_in(&stored.event, erasure);
            if event == *stored.event {
                continue;
            }
            if reason_of(&event) != reason_of(&stored.event) {
                stored.fingerprint = Fingerprint::ERASED;
            }
            stored.event = Arc::new(event);
            if let Some(seq) = self.keys.remove(&(part.room, before)) {
                self.keys.insert((part.room, stored.lookup()), seq);
            }
            changed += 1;
        }
        if changed > 0 {
            log.replace_user_in_state(erasure);
        }
        changed
    }

    /// See [`Eraser::forget_marks`].
    pub fn forget_marks(&mut self, user: &UserId) -> usize {
        let is_in = |room: &RoomId| self.rooms.get(room).is_some_and(|log| log.state.members.contains_key(user));
        self.pairs.retain(|_, room| !is_in(room));
        let forget = |state: &mut RoomState| {
            for row in state.restrictions.values_mut() {
                if row.restriction.by.as_ref().is_some_and(|by| by.id == *user) {
                    (row.restriction.by, row.restriction.reason) = (None, None);
                }
            }
            for invite in state.invites.values_mut() {
                invite.by = invite.by.take().filter(|by| by.id != *user);
            }
            let uses = state.invite_uses.len();
            state.invite_uses.retain(|(_, of)| of != user);
            let before = state.restrictions.len();
            state.restrictions.retain(|(_, of), _| of != user);
            usize::from(state.marks.remove(user).is_some())
                + usize::from(state.notify.remove(user).is_some())
                + usize::from(state.members.remove(user).is_some())
                + (before - state.restrictions.len())
                + (uses - state.invite_uses.len())
        };
        self.rooms.values_mut().map(|log| forget(&mut log.state)).sum()
    }
}

impl RoomLog {
    /// Replaces a user in what follows from the log.
    fn replace_user_in_state(&mut self, erasure: &Erasure) {
        let replaced = |user: UserId| if user == erasure.user { erasure.new_id.clone() } else { user };
        let state = &mut self.state;
        for author in state.tombstones.values_mut().chain(state.mentions.values_mut().map(|(author, _)| author)) {
            *author = author.take().map(replaced);
        }
        for (_, mentioned) in state.mentions.values_mut() {
            *mentioned = std::mem::take(mentioned).into_iter().map(|user| user.map(replaced)).collect();
        }
        state.thread_users =
            std::mem::take(&mut state.thread_users).into_iter().map(|(root, user)| (root, replaced(user))).collect();
        let reactions = std::mem::take(&mut state.reactions).into_iter().map(|((target, reaction, user), mut row)| {
            row.user = identity_in(&row.user, erasure);
            ((target, reaction, replaced(user)), row)
        });
        state.reactions = reactions.collect();
    }
}

/// An event with another user in the place of the one who is erased.
fn replaced_in(event: &Event, erasure: &Erasure) -> Event {
    let mut event = event.clone();
    event.actor = event.actor.map(|actor| identity_in(&actor, erasure));
    let is_theirs = event.actor.as_ref().is_some_and(|actor| actor.id == erasure.new_id);
    match &mut event.kind {
        EventKind::Message(message) => replace_mentions(&mut message.body.mentions, erasure),
        EventKind::MessageEdited(edit) => replace_mentions(&mut edit.body.mentions, erasure),
        EventKind::MessageDeleted { reason, .. } if is_theirs && erasure.mode == Erase::Redact => *reason = None,
        EventKind::Member(member) => {
            member.user = identity_in(&member.user, erasure);
            if is_theirs && erasure.mode == Erase::Redact {
                member.reason = None;
            }
        }
        EventKind::MessageDeleted { .. }
        | EventKind::Reaction { .. }
        | EventKind::Pin { .. }
        | EventKind::RoomUpdated { .. }
        | EventKind::RoomDeleted => {}
    }
    event
}

/// Why something was done, if it was said.
const fn reason_of(event: &Event) -> Option<&Reason> {
    match &event.kind {
        EventKind::MessageDeleted { reason, .. } => reason.as_ref(),
        EventKind::Member(member) => member.reason.as_ref(),
        EventKind::Message(_)
        | EventKind::MessageEdited(_)
        | EventKind::Reaction { .. }
        | EventKind::Pin { .. }
        | EventKind::RoomUpdated { .. }
        | EventKind::RoomDeleted => None,
    }
}

fn identity_in(user: &Identity, erasure: &Erasure) -> Identity {
    if user.id == erasure.user {
        return Identity::of(erasure.new_id.clone(), UserName::from_stored(DELETED_USER));
    }
    user.clone()
}

fn replace_mentions(users: &mut Vec<UserId>, erasure: &Erasure) {
    if let Some(replaced) = erasure.replaced(users) {
        *users = replaced;
    }
}

#[async_trait]
impl Eraser for MemoryStore {
    async fn begin(&self, erasure: &Erasure) -> Result<Erasure, StoreError> {
        Ok(self.log().begin_erasure(erasure))
    }

    async fn unfinished(&self) -> Result<Vec<Erasure>, StoreError> {
        Ok(self.log().unfinished_erasures())
    }

    async fn finish(&self, erasure: &Erasure) -> Result<bool, StoreError> {
        Ok(self.log().finish_erasure(erasure))
    }

    async fn logs(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<LogExtent>, StoreError> {
        Ok(self.log().logs(after, limit))
    }

    async fn messages_of(&self, erasure: &Erasure, part: LogPart) -> Result<Vec<Seq>, StoreError> {
        Ok(self.log().messages_of(erasure, part))
    }

    async fn replace(&self, erasure: &Erasure, part: LogPart) -> Result<u64, StoreError> {
        Ok(self.log().replace_user(erasure, part))
    }

    async fn forget_marks(&self, user: &UserId, _limit: usize) -> Result<usize, StoreError> {
        Ok(self.log().forget_marks(user))
    }
}
