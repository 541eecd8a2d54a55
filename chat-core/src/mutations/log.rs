//! What goes into a log, and comes out of it, in place of what should.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Bug, invites};
use crate::{
    Event, MemberChange, Room, RoomId, RoomName, Seq, UserId,
    append::{AppendOutcome, Entry, EventKey, Fingerprint, Lookup, Op, RoomBatch, StoredEvent},
    rights::Standing,
};

/// Changes what a log is asked and what it answers, and remembers what that takes. Shared by [`MutatedStore`](super::MutatedStore)
/// and the simulator's log.
#[derive(Debug)]
pub struct LogMutation {
    bug: Option<Bug>,
    /// A number that no other start of the process has.
    start: u64,
    /// How many keys were disguised so that nobody finds them again.
    disguised: u64,
    /// Under which key a sender's key is stored, and the other way round.
    stored_as: BTreeMap<EventKey, EventKey>,
    sent_as: BTreeMap<EventKey, EventKey>,
    /// The rooms that were appended to since the start.
    appended: BTreeSet<RoomId>,
    /// The names that rooms had before they were renamed.
    names: BTreeMap<RoomId, RoomName>,
    /// Those who were banned since the start.
    banned: BTreeSet<(RoomId, UserId)>,
}

impl LogMutation {
    /// What this bug does in a process with this number.
    #[must_use]
    pub const fn new(bug: Option<Bug>, start: u64) -> Self {
        Self {
            bug,
            start,
            disguised: 0,
            stored_as: BTreeMap::new(),
            sent_as: BTreeMap::new(),
            appended: BTreeSet::new(),
            names: BTreeMap::new(),
            banned: BTreeSet::new(),
        }
    }

    /// The process has ended, and the next one starts.
    pub fn restart(&mut self) {
        self.start += 1;
        self.appended.clear();
        self.names.clear();
        self.banned.clear();
    }

    /// What is appended in place of this batch.
    pub fn batch(&mut self, batch: &[RoomBatch]) -> Vec<RoomBatch> {
        let mut batch = batch.to_vec();
        for room in &mut batch {
            let mut seen = BTreeSet::new();
            for entry in &mut room.entries {
                let is_first = seen.insert(entry.lookup());
                if matches!(entry.op, Op::Message(_)) {
                    self.message(entry, is_first);
                }
                if let Op::Invite(op) = &mut entry.op {
                    invites::mutate(self.bug, op);
                }
            }
        }
        batch
    }

    fn message(&mut self, entry: &mut Entry, is_first_of_key: bool) {
        match self.bug {
            Some(Bug::KeyMismatchAccepted) => entry.fingerprint = Fingerprint::ERASED,
            Some(Bug::DedupForgottenAtRestart) => self.disguise(&mut entry.key, self.start),
            Some(Bug::DedupOff) => self.hide(&mut entry.key),
            Some(Bug::DedupOffInBatch) if !is_first_of_key => self.hide(&mut entry.key),
            _ => {}
        }
    }

    /// Puts a key in another's place that was never used.
    fn hide(&mut self, key: &mut EventKey) {
        self.disguised += 1;
        self.disguise(key, self.start + self.disguised);
    }

    /// Puts another key in a key's place: the same one for the same salt.
    fn disguise(&mut self, key: &mut EventKey, salt: u64) {
        let disguise = EventKey::generated(&format!("{salt:x} {:x}", Fingerprint::of_text(key.as_str()).0));
        self.stored_as.insert(key.clone(), disguise.clone());
        self.sent_as.insert(disguise.clone(), std::mem::replace(key, disguise));
    }

    /// What is told of an append of this batch in place of this.
    pub fn placed(
        &mut self,
        batch: &[RoomBatch],
        mut placed: Vec<Option<Vec<AppendOutcome>>>,
    ) -> Vec<Option<Vec<AppendOutcome>>> {
        for (entry, placed) in batch.iter().zip(&mut placed) {
            let Some(placed) = placed else { continue };
            for (entry, placed) in entry.entries.iter().zip(&mut *placed) {
                invites::told(self.bug, placed);
                if let AppendOutcome::New { event, .. } | AppendOutcome::Replay(event) = placed {
                    give_key(event, &entry.key);
                    if let Some(member) = event.member().filter(|member| member.change == MemberChange::Banned) {
                        self.banned.insert((event.room, member.user.id.clone()));
                    }
                }
            }
            if self.bug == Some(Bug::ReuseSeq) && self.appended.insert(entry.room) {
                reuse_last(placed);
            }
            if self.bug == Some(Bug::NumberSkippedByReplay) {
                skip_after_replay(placed);
            }
        }
        placed
    }

    /// What is looked for in place of these.
    #[must_use]
    pub fn lookups(&self, keys: &[Lookup]) -> Vec<Lookup> {
        let stored_as = |key: &EventKey| self.stored_as.get(key).unwrap_or(key).clone();
        keys.iter().map(|lookup| Lookup { user: lookup.user.clone(), key: stored_as(&lookup.key) }).collect()
    }

    /// What is read in place of this event.
    #[must_use]
    pub fn stored(&self, mut stored: StoredEvent) -> StoredEvent {
        if let Some(key) = self.sent_as.get(&stored.key) {
            give_key(&mut stored.event, key);
            stored.key = key.clone();
        }
        stored
    }

    /// What is read in place of this room.
    #[must_use]
    pub fn room(&self, mut room: Room) -> Room {
        if let Some(name) = self.names.get(&room.id) {
            room.name = name.clone();
        }
        if self.bug == Some(Bug::ReuseSeq) && !self.appended.contains(&room.id) {
            room.head = Seq(room.head.0.saturating_sub(1));
        }
        room
    }

    /// What is read in place of what this user is in this room.
    #[must_use]
    pub fn standing(&self, room: RoomId, user: &UserId, standing: Standing) -> Standing {
        let is_lost = self.bug == Some(Bug::BanLostWithRestart) && !self.banned.contains(&(room, user.clone()));
        Standing { banned: standing.banned.filter(|_| !is_lost), ..standing }
    }

    /// This room is about to get another name.
    pub fn renaming(&mut self, room: Room) {
        if self.bug == Some(Bug::RenameNotServed) {
            self.names.entry(room.id).or_insert(room.name);
        }
    }
}

/// Shows an event with the key that it was sent with.
fn give_key(event: &mut Arc<Event>, key: &EventKey) {
    let given = key.to_given();
    if event.message().is_some() && event.key != given {
        Arc::make_mut(event).key = given;
    }
}

/// The first event that is new is told under the number before it.
fn reuse_last(placed: &mut [AppendOutcome]) {
    let first = placed.iter_mut().find_map(|placed| {
        let AppendOutcome::New { event, .. } = placed else { return None };
        (event.seq > Seq(1)).then_some(event)
    });
    if let Some(event) = first {
        let event = Arc::make_mut(event);
        event.seq = Seq(event.seq.0 - 1);
    }
}

/// What is new after a replay is told under the next number.
fn skip_after_replay(placed: &mut [AppendOutcome]) {
    let after = placed.iter_mut().skip_while(|placed| !matches!(placed, AppendOutcome::Replay(_)));
    for placed in after {
        if let AppendOutcome::New { event, .. } = placed {
            let event = Arc::make_mut(event);
            event.seq = event.seq.next();
        }
    }
}
