//! What was stored, copied at the moment it was: the truth that everything is compared with.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Broken, Checked, Promise,
    conversation::Conversation,
    hold,
    invites::Invited,
    membership::{Membership, Served},
    rights::Heir,
    says_not_stored,
    sends::lookup_of,
};
use crate::{
    Changed, Event, EventKind, HistoryQuery, InviteCode, MemberChange, MemberQuery, MessageState, RestrictionKind,
    Room, RoomId, RoomName, Seq, Timestamp, Topic, UserId,
    append::{EventKey, Fingerprint, Lookup, StoredEvent},
    error::Error,
    testing::world::{World, log::MutatedLog},
};

/// Who wrote to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::testing::world) enum Writer {
    /// The engine, for a room that is still running.
    Engine,
    /// The engine before it died: its transaction went on.
    Late,
    /// Another process.
    Foreign,
}

/// One room's log as it was written, and what replaying it gives.
#[derive(Debug)]
pub(in crate::testing::world) struct ReferenceLog {
    events: Vec<StoredEvent>,
    /// The same as they were when they were stored.
    as_sent: Vec<Arc<Event>>,
    conversation: Conversation,
    /// What everybody is in the room at its beginning, and after each event.
    memberships: Vec<Arc<Membership>>,
    keys: BTreeMap<Lookup, Seq>,
    name: RoomName,
    topic: Topic,
    last_message_at: Option<Timestamp>,
    deleted: bool,
    invited: Invited,
    /// The last number that the running engine stored.
    own: Seq,
}

impl ReferenceLog {
    /// That of a new room with this owner.
    pub(in crate::testing::world) fn new(room: &Room, owner: Option<&UserId>) -> Self {
        Self {
            events: Vec::new(),
            as_sent: Vec::new(),
            conversation: Conversation::default(),
            memberships: vec![Arc::new(Membership::new(room.terms(), owner))],
            keys: BTreeMap::new(),
            name: room.name.clone(),
            topic: room.topic.clone(),
            last_message_at: None,
            deleted: false,
            invited: Invited::default(),
            own: Seq(0),
        }
    }

    pub(in crate::testing::world) const fn head(&self) -> Seq {
        Seq(self.events.len() as u64)
    }

    /// Up to where everyone must have been told without anything more being sent.
    pub(in crate::testing::world) const fn own(&self) -> Seq {
        self.own
    }

    pub(in crate::testing::world) const fn is_deleted(&self) -> bool {
        self.deleted
    }

    pub(super) fn get(&self, seq: Seq) -> Option<&StoredEvent> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        self.events.get(index)
    }

    /// An event as it was when it was stored.
    pub(super) fn as_sent(&self, seq: Seq) -> Option<&Arc<Event>> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        self.as_sent.get(index)
    }

    /// What replaying it gives for the messages.
    pub(in crate::testing::world) const fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// Who has come in by which invite.
    pub(super) const fn invited(&self) -> &Invited {
        &self.invited
    }

    /// What everybody is in the room after an event, or at the end of the log if that is before it.
    pub(in crate::testing::world) fn membership(&self, seq: Seq) -> &Membership {
        let last = self.memberships.len() - 1;
        &self.memberships[usize::try_from(seq.0).map_or(last, |index| index.min(last))]
    }

    /// The same after this event, and after each one that followed.
    pub(super) fn memberships_from(&self, seq: Seq) -> impl Iterator<Item = (Seq, &Membership)> {
        (seq.min(self.head()).0..=self.head().0).map(|seq| (Seq(seq), self.membership(Seq(seq))))
    }

    pub(super) fn by_key(&self, lookup: &Lookup) -> Option<&StoredEvent> {
        self.keys.get(lookup).and_then(|seq| self.get(*seq))
    }

    /// This event, acknowledged or published, is in the log.
    pub(super) fn check_event(&self, event: &Event) -> Checked {
        let Some(stored) = self.get(event.seq) else {
            let detail = format!("event {} of room {} is told, but not stored", event.seq, event.room);
            return Err(Broken::new(Promise::Durable, detail));
        };
        let was_sent = self.as_sent(event.seq).is_some_and(|sent| **sent == *event)
            // What is sent and deleted in one append is never stored with what it said.
            || event.clone().erased() == *stored.event;
        hold(was_sent || *stored.event == *event, Promise::OneOrder, || {
            format!("told {event:?}, stored {:?}", stored.event)
        })
    }

    /// What is read when the log has this head says nothing that was deleted by then.
    pub(super) fn check_erased(&self, event: &Event, head: Seq) -> Checked {
        let Some((message, false)) = event.tells_text_of() else { return Ok(()) };
        let is_gone = self.conversation.deletion(message).is_some_and(|deletion| deletion <= head);
        hold(!is_gone, Promise::Erased, || format!("event {} is read at {head}, but {message} was deleted", event.seq))
    }

    /// What a room's update or deletion is answered, or what the host does; `lacks_right`: it is refused for that.
    pub(super) fn check_change(&self, key: &EventKey, result: &Result<Changed, Error>, lacks_right: bool) -> Checked {
        let stored = self.events.iter().find(|stored| stored.key == *key);
        match result {
            Ok(Changed::Stored { event, .. }) => {
                hold(stored.is_some_and(|stored| stored.event == *event), Promise::Durable, || {
                    format!("a change is answered with {event:?}, but stored is {stored:?}")
                })
            }
            Err(error) if says_not_stored(error) || lacks_right => {
                hold(stored.is_none(), Promise::NoPhantoms, || format!("a change was refused ({error}), but is stored"))
            }
            Err(Error::OutcomeUnknown) => Ok(()),
            Ok(Changed::Unchanged { .. }) => {
                hold(stored.is_none(), Promise::HonestRefusal, || "unchanged, yet an event".to_owned())
            }
            Err(other) => Err(Broken::new(Promise::HonestRefusal, format!("a change is answered {other:?}"))),
        }
    }

    /// Takes in what was written since the last look: numbers without a hole, one event a key.
    fn extend(
        &mut self,
        room: RoomId,
        log: &MutatedLog,
        (host_keys, accepts): (&BTreeSet<EventKey>, &BTreeMap<EventKey, InviteCode>),
    ) -> Result<Vec<StoredEvent>, Broken> {
        let new = log.events_after(room, self.head(), usize::MAX);
        let mut heir = None;
        for stored in &new {
            let event = &stored.event;
            hold(event.seq == self.head().next(), Promise::GaplessOnce, || {
                format!("event {} of room {room} was stored after event {}", event.seq, self.head())
            })?;
            hold(!self.deleted, Promise::Fold, || format!("event {} follows the end of room {room}", event.seq))?;
            if let Some(first) = self.keys.insert(lookup_of(stored), event.seq) {
                let detail = format!("events {first} and {} of room {room} have one key, {:?}", event.seq, stored.key);
                return Err(Broken::new(Promise::SentOnce, detail));
            }
            let invite = accepts.get(&stored.key).copied().filter(|_| is_joining(event));
            heir = self.apply_rights(event, (host_keys.contains(&stored.key), invite), heir)?;
            self.apply(event)?;
            self.as_sent.push(Arc::clone(event));
            self.events.push(stored.clone());
        }
        hold(heir.is_none(), Promise::Owned, || {
            format!("room {room} was left without an owner, and {heir:?} is none")
        })?;
        for stored in &new {
            if let EventKind::MessageDeleted { target, .. } = stored.event.kind {
                self.erase(room, target, log)?;
            }
        }
        Ok(new)
    }

    /// What an event means for who may do what, and whether it keeps to that. `heir` has to own the room with it; returns who
    /// has to with the next one.
    fn apply_rights(
        &mut self,
        event: &Event,
        (by_host, invite): (bool, Option<InviteCode>),
        heir: Heir,
    ) -> Result<Heir, Broken> {
        let before = self.membership(self.head());
        // What follows from the loss of an owner is nobody's doing.
        before.check_actor(event, by_host || heir.is_some(), invite.is_some(), &self.conversation)?;
        if let (Some(code), Some(member)) = (invite, event.member()) {
            self.invited.come(event.room, code, &member.user.id)?;
        }
        let before = self.membership(self.head());
        let after = before.after(event)?;
        let heir = before.check_owners(&after, event, by_host, heir)?;
        let changes = event.member().is_some() || matches!(event.kind, EventKind::RoomUpdated { .. });
        let before = self.memberships.last().filter(|_| !changes).cloned();
        self.memberships.push(before.unwrap_or_else(|| Arc::new(after)));
        Ok(heir)
    }

    fn apply(&mut self, event: &Event) -> Checked {
        match &event.kind {
            EventKind::Message(message) => {
                if message.body.thread.is_none() {
                    self.last_message_at = Some(event.at);
                }
            }
            EventKind::RoomUpdated { name, topic, .. } => {
                (self.name, self.topic) = (name.clone(), topic.clone());
            }
            EventKind::RoomDeleted => self.deleted = true,
            EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_) => {}
        }
        self.conversation.apply(event)
    }

    /// A message was deleted: from now on its row and those of its edits say nothing.
    fn erase(&mut self, room: RoomId, target: Seq, log: &MutatedLog) -> Checked {
        for seq in self.conversation.edits(target).into_iter().chain([target]) {
            let index = usize::try_from(seq.0.saturating_sub(1)).unwrap_or(usize::MAX);
            if let Some(stored) = self.events.get_mut(index) {
                stored.event = Arc::new(Event::clone(&stored.event).erased());
                stored.fingerprint = Fingerprint::ERASED;
            }
            let read = log.events_after(room, Seq(seq.0.saturating_sub(1)), 1);
            let read = read.first().map(|stored| &stored.event);
            read.map_or(Ok(()), |event| self.check_erased(event, self.head()))?;
        }
        Ok(())
    }

    /// What the log serves as the room is what replaying its events gives.
    fn check_fold(&self, id: RoomId, log: &MutatedLog) -> Checked {
        let Some(room) = log.room(id) else {
            return hold(self.deleted, Promise::Fold, || format!("room {id} is gone, but no event says so"));
        };
        hold(room.head == self.head(), Promise::GaplessOnce, || {
            format!("room {id} has {} events, but its head is {}", self.events.len(), room.head)
        })?;
        let same = room.name == self.name && room.topic == self.topic && room.last_message_at == self.last_message_at;
        hold(same && !self.deleted, Promise::Fold, || format!("room {id} is served as {room:?}"))?;
        self.check_members(&room, log)
    }

    /// What the log serves of who is in the room is what replaying its events gives.
    fn check_members(&self, room: &Room, log: &MutatedLog) -> Checked {
        let membership = self.membership(self.head());
        let same = room.terms() == membership.terms && room.members == membership.len() as u64;
        hold(same, Promise::Fold, || format!("room {} is served as {room:?}", room.id))?;
        let all = MemberQuery { limit: usize::MAX >> 1, ..MemberQuery::default() };
        let members = log.members(room.id, &all).unwrap_or_default().members;
        let restricted = |kind| {
            let page = log.restrictions(room.id, kind, Timestamp(i64::MIN), None, usize::MAX >> 1).unwrap_or_default();
            page.restrictions.into_iter().map(|found| (found.user.id, found.until)).collect()
        };
        membership.check_served(&Served {
            members: members.into_iter().map(|member| (member.user.id, (member.role, member.since))).collect(),
            banned: restricted(RestrictionKind::Ban),
            muted: restricted(RestrictionKind::Mute),
        })
    }

    /// What the log serves as the messages is what replaying its events gives.
    pub(in crate::testing::world) fn check_messages(&self, id: RoomId, log: &MutatedLog, viewer: &UserId) -> Checked {
        let all = HistoryQuery { limit: usize::MAX >> 1, ..HistoryQuery::newest() };
        let served = log.history(id, all, Some(viewer)).map(|page| page.messages);
        let same = |served: Option<Vec<MessageState>>, thread| {
            // The keys are another matter: a bug may disguise them.
            let without_keys = |states: Vec<MessageState>| -> Vec<_> {
                states.into_iter().map(|state| MessageState { key: None, ..state }).collect()
            };
            let Some(served) = served.map(without_keys) else { return Ok(()) };
            let folded = without_keys(self.conversation.page(thread, viewer));
            hold(served == folded, Promise::Fold, || {
                let differ = served.iter().zip(&folded).find(|(one, other)| one != other);
                format!(
                    "room {id} ({thread:?}) is served as {} messages, folded {}; first {differ:#?}",
                    served.len(),
                    folded.len()
                )
            })
        };
        same(served, None)?;
        for root in self.conversation.roots() {
            let page = log.thread(id, root, all, Some(viewer)).found().ok();
            same(page.map(|page| page.messages), Some(root))?;
        }
        Ok(())
    }

    /// What was stored is still there as it was.
    pub(in crate::testing::world) fn check_whole(&self, room: RoomId, log: &MutatedLog) -> Checked {
        let stored = log.events_after(room, Seq(0), usize::MAX);
        hold(stored == self.events, Promise::Durable, || format!("the log of room {room} was changed"))
    }
}

/// Whether somebody comes in by themselves.
fn is_joining(event: &Event) -> bool {
    event.member().is_some_and(|member| member.change == MemberChange::Joined)
}

impl World {
    /// Something may have been written to a room's log.
    pub(in crate::testing::world) fn committed(&mut self, room: RoomId, by: Writer) -> Checked {
        let Some(reference_log) = self.check.reference_logs.get_mut(&room) else { return Ok(()) };
        let keys = (&self.check.host_keys, &self.check.accepts);
        let new = reference_log.extend(room, &self.database.log, keys)?;
        reference_log.check_fold(room, &self.database.log)?;
        if by == Writer::Engine && !new.is_empty() {
            reference_log.own = reference_log.head();
        }
        if let Some(user) = self.clients.users.first() {
            reference_log.check_messages(room, &self.database.log, &user.id)?;
        }
        for stored in &new {
            self.tally.events += 1;
            self.tally.members += u64::from(stored.event.member().is_some());
            self.trace
                .line(format_args!("  {by:?} stores event {} of room {room}, key {:?}", stored.event.seq, stored.key));
            self.check.sends.stored(room, stored, by)?;
        }
        self.check_marks(room)
    }
}
