//! What follows from a room's log: the state of its messages, and of its users' marks.

use std::collections::{BTreeMap, BTreeSet};

use super::{RoomLog, members::InRoom};
use crate::{
    Activity, Body, Deleted, Edited, Event, Identity, Invite, InviteCode, Keep, LastMessage, Mark, MarkPage,
    MessageEdited, MessageState, MessageVersion, MyRoom, Notify, PinnedMessages, Reaction, ReactionCount, Reactor,
    ReactorPage, RestrictionKind, Seq, Unread, UserId, UserMark,
    append::{Entry, Fingerprint, Lookup, Op},
    store::{
        judge::{Changes, Counted, Facts, Mentioned, Pruned, ReactionRow, RestrictionRow, Target, Thread},
        paging,
    },
};

/// What [`Changes`] add up to.
#[derive(Debug, Clone, Default)]
pub(super) struct RoomState {
    pub(super) edited: BTreeMap<Seq, Seq>,
    pub(super) deleted: BTreeMap<Seq, Seq>,
    /// The deleted messages that counted, and their authors.
    pub(super) tombstones: BTreeMap<Seq, Option<UserId>>,
    pub(super) reactions: BTreeMap<(Seq, Reaction, UserId), ReactionRow>,
    pub(super) counts: BTreeMap<(Seq, Reaction), Counted>,
    pub(super) pins: BTreeMap<Seq, Seq>,
    pub(super) threads: BTreeMap<Seq, Thread>,
    pub(super) thread_users: BTreeSet<(Seq, UserId)>,
    pub(super) mentions: BTreeMap<Seq, (Option<UserId>, Mentioned)>,
    pub(super) marks: BTreeMap<UserId, (Identity, Mark)>,
    pub(super) notify: BTreeMap<UserId, Notify>,
    pub(super) members: BTreeMap<UserId, InRoom>,
    pub(super) restrictions: BTreeMap<(RestrictionKind, UserId), RestrictionRow>,
    pub(super) invites: BTreeMap<InviteCode, Invite>,
    pub(super) invite_uses: BTreeSet<(InviteCode, UserId)>,
    pub(super) audited: BTreeSet<Seq>,
}

impl RoomLog {
    /// Adds to the facts what these entries need of the room's state.
    pub(super) fn add_facts(&self, entries: &[Entry], facts: &mut Facts<'_>) {
        for entry in entries {
            for target in entry.op.targets() {
                let Some(message) = self.target(target) else { continue };
                let root = message.body.thread.unwrap_or(target);
                facts.targets.insert(target, message);
                facts.threads.insert(root, self.state.threads.get(&root).copied().unwrap_or_default());
            }
            if let Op::Prune(keep) = &entry.op {
                facts.prune = Some(self.prune_to(*keep));
            }
            let Some(actor) = &entry.actor else { continue };
            if let Op::React(target, reaction, _) = &entry.op {
                let key = (*target, reaction.clone(), actor.id.clone());
                if self.state.reactions.contains_key(&key) {
                    facts.reacted.insert(key);
                }
            }
            if let Op::Mark(to) = &entry.op {
                facts.marks.extend(self.state.marks.get(&actor.id).map(|(_, mark)| (actor.id.clone(), *mark)));
                facts.newest_own.extend(self.newest_own(&actor.id).map(|seq| (actor.id.clone(), seq)));
                facts.ordinals.insert(to.seq, self.ordinal_at(to.seq));
            }
        }
        facts.pins = self.state.pins.len() as u64;
        self.add_members(entries, facts);
        self.add_invites(entries, facts);
    }

    /// Takes in what an append changed.
    pub(super) fn apply(&mut self, mut changes: Changes) {
        self.apply_members(&mut changes);
        self.apply_invites(&mut changes);
        for (target, deletion) in changes.deleted {
            self.erase(target);
            self.state.deleted.insert(target, deletion.seq);
            self.state.reactions.retain(|(message, ..), _| *message != target);
            self.state.counts.retain(|(message, _), _| *message != target);
            if deletion.countable {
                self.state.tombstones.insert(target, deletion.author);
            }
        }
        let state = &mut self.state;
        state.edited.extend(changes.edited);
        for (key, row) in changes.reactions {
            match row {
                Some(row) => drop(state.reactions.insert(key, row)),
                None => drop(state.reactions.remove(&key)),
            }
        }
        state.counts.extend(changes.counts);
        state.counts.retain(|_, counted| counted.count > 0);
        for (target, pin) in changes.pins {
            match pin {
                Some(seq) => state.pins.insert(target, seq),
                None => state.pins.remove(&target),
            };
        }
        state.threads.extend(changes.threads);
        state.thread_users.extend(changes.thread_users);
        for (seq, change) in changes.mentions {
            if change.after.is_empty() {
                state.mentions.remove(&seq);
            } else {
                state.mentions.insert(seq, (change.author, change.after));
            }
        }
        for user in changes.written_for {
            if let Some((_, mark)) = state.marks.get_mut(&user) {
                mark.by_back = true;
            }
        }
        state.marks.extend(changes.marks);
    }

    /// Where the log would begin, if this were kept.
    fn prune_to(&self, keep: Keep) -> Pruned {
        let end = self.room.head.next();
        let first = match keep {
            Keep::From(seq) => seq.min(end),
            Keep::Last(0) => end,
            Keep::Last(count) => {
                let oldest = self.messages.saturating_sub(count - 1);
                let message = self
                    .events
                    .values()
                    .find(|stored| stored.event.countable().is_some_and(|message| message.ordinal >= oldest));
                message.map_or(self.room.first_seq, |stored| stored.event.seq)
            }
            Keep::Since(at) => {
                self.events.values().find(|stored| stored.event.at >= at).map_or(end, |stored| stored.event.seq)
            }
        };
        Pruned { first, ordinal: self.ordinal_at(Seq(first.0.saturating_sub(1))).max(self.pruned) }
    }

    /// Lets the log begin later, and forgets what stood before. Returns what that could be found by.
    pub(super) fn prune(&mut self, Pruned { first, ordinal }: Pruned) -> Vec<(Seq, Lookup)> {
        (self.room.first_seq, self.pruned) = (first, ordinal);
        let kept = self.events.split_off(&first);
        let gone = std::mem::replace(&mut self.events, kept);
        for stored in self.events.values_mut() {
            if as_edit(&stored.event).is_some_and(|(_, edit)| edit.target < first) {
                stored.event = std::sync::Arc::new(Event::clone(&stored.event).erased());
                stored.fingerprint = Fingerprint::ERASED;
            }
        }
        let state = &mut self.state;
        state.edited.retain(|target, _| *target >= first);
        state.deleted.retain(|target, _| *target >= first);
        state.tombstones.retain(|target, _| *target >= first);
        state.reactions.retain(|(target, ..), _| *target >= first);
        state.counts.retain(|(target, _), _| *target >= first);
        state.pins.retain(|target, _| *target >= first);
        state.threads.retain(|root, _| *root >= first);
        state.thread_users.retain(|(root, _)| *root >= first);
        state.mentions.retain(|target, _| *target >= first);
        gone.into_iter().map(|(seq, stored)| (seq, stored.lookup())).collect()
    }

    /// What is unread beyond a mark: messages, and mentions.
    pub(super) fn unread(&self, user: &UserId, mark: Mark) -> (u64, u64) {
        let beyond = |seq: &Seq| *seq > mark.seq;
        let tombstones = self.state.tombstones.keys().filter(|seq| beyond(seq)).count() as u64;
        let own = if mark.by_back { self.own_beyond(user, mark.seq) } else { 0 };
        let mentions = self.state.mentions.iter().filter(|(seq, (author, mentioned))| {
            let is_mentioned = mentioned.contains(&None) || mentioned.contains(&Some(user.clone()));
            beyond(seq) && author.as_ref() != Some(user) && is_mentioned
        });
        (self.messages - mark.ordinal.max(self.pruned) - tombstones - own, mentions.count() as u64)
    }

    /// How far a user has read.
    pub(super) fn mark_of(&self, user: &UserId) -> Mark {
        self.state.marks.get(user).map_or(Mark::NONE, |(_, mark)| *mark)
    }

    /// How far a user has read, and what not.
    pub(super) fn unread_of(&self, user: &UserId) -> Unread {
        let mark = self.mark_of(user);
        let (unread, mentions) = self.unread(user, mark);
        Unread { seq: mark.seq, unread, mentions, ordinal: self.messages }
    }

    /// A message as it is.
    pub(super) fn message_state(&self, seq: Seq, viewer: Option<&UserId>) -> Option<MessageState> {
        let mut state = MessageState::of(Event::clone(&self.events.get(&seq)?.event))?;
        if let Some((edit, said)) = self.newest_edit(seq) {
            let place = state.message.body.erased();
            let body = Body { reply_to: place.reply_to, thread: place.thread, ..said.body.clone() };
            state.message.body = body;
            state.edited = Some(Edited { seq: edit.seq, at: edit.at, count: said.count });
        }
        if let Some(event) = self.state.deleted.get(&seq).and_then(|deletion| self.events.get(deletion)) {
            let event = &event.event;
            state.deleted = Some(Deleted { seq: event.seq, at: event.at, actor: event.actor.clone() });
        }
        state.reactions = self.reaction_counts(seq, viewer);
        state.pinned = self.state.pins.contains_key(&seq);
        if let Some(thread) = self.state.threads.get(&seq) {
            (state.thread_count, state.thread_last) = (thread.count, Some(thread.last));
        }
        Some(state)
    }

    /// What a message has said.
    pub(super) fn versions(&self, seq: Seq) -> Option<Vec<MessageVersion>> {
        let first = self.events.get(&seq)?;
        first.event.message()?;
        let events = std::iter::once(&*first.event).chain(self.edits(seq).map(|(event, _)| event));
        Some(events.filter_map(MessageVersion::of).collect())
    }

    /// Who reacted to a message.
    pub(super) fn reactors(&self, seq: Seq, after: Option<Seq>, limit: usize) -> Option<ReactorPage> {
        self.events.get(&seq)?.event.message()?;
        let mut rows: Vec<_> = self.state.reactions.iter().filter(|((target, ..), _)| *target == seq).collect();
        rows.sort_by_key(|(_, row)| row.seq);
        rows.retain(|(_, row)| after.is_none_or(|after| row.seq > after));
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|(_, row)| row.seq);
        let reactor = |((_, reaction, _), row): (&(Seq, Reaction, UserId), &ReactionRow)| Reactor {
            reaction: reaction.clone(),
            user: row.user.clone(),
            at: row.at,
        };
        Some(ReactorPage { reactors: rows.into_iter().map(reactor).collect(), next })
    }

    /// The pinned messages.
    pub(super) fn pins(&self, viewer: Option<&UserId>) -> PinnedMessages {
        let mut pins: Vec<_> = self.state.pins.iter().map(|(target, pin)| (*pin, *target)).collect();
        pins.sort_unstable_by(|one, other| other.cmp(one));
        let messages = pins.into_iter().filter_map(|(_, target)| self.message_state(target, viewer)).collect();
        PinnedMessages { messages, head: self.room.head }
    }

    /// How far users have read.
    pub(super) fn mark_page(&self, first: Option<&UserId>, after: Option<&UserId>, limit: usize) -> MarkPage {
        let own = first.filter(|_| after.is_none()).and_then(|user| self.state.marks.get(user));
        let others = self.state.marks.iter().filter(|(user, _)| Some(*user) != first);
        let others = others.filter(|(user, _)| after.is_none_or(|after| *user > after)).map(|(_, mark)| mark);
        let mark = |(user, mark): &(Identity, Mark)| UserMark { user: user.clone(), seq: mark.seq };
        paging::finish_marks(own.map(mark), others.take(limit + 1).map(mark).collect(), limit)
    }

    /// Who has written in a thread, and who began it.
    pub(super) fn thread_users(&self, root: Seq, limit: usize) -> Vec<UserId> {
        let root_event = self.events.get(&root).map(|stored| &stored.event).filter(|event| event.message().is_some());
        let author = root_event.and_then(|event| event.actor.as_ref()).map(|actor| actor.id.clone());
        let of_thread =
            self.state.thread_users.iter().filter(|(thread, _)| *thread == root).map(|(_, user)| user.clone());
        author.into_iter().chain(of_thread).collect::<BTreeSet<_>>().into_iter().take(limit).collect()
    }

    /// The room as it is for those who watch it.
    pub(super) fn activity(&self) -> Activity {
        let last = self.room.last_message_seq.and_then(|seq| self.message_state(seq, None));
        let last = last.map(LastMessage::of);
        let (room, head, ordinal) = (self.room.id, self.room.head, self.messages);
        let rights_seq = self.room.rights_seq;
        Activity { room, head, ordinal, rights_seq, mentions_room: false, last }
    }

    /// The room as one of a user's.
    pub(super) fn my_room(&self, user: &UserId) -> MyRoom {
        let last = self.room.last_message_seq.and_then(|seq| self.message_state(seq, Some(user)));
        let notify = self.state.notify.get(user).copied().unwrap_or_default();
        let role = self.state.members.get(user).map(|member| member.role);
        MyRoom { role, ..MyRoom::new(self.room.clone(), self.unread_of(user), last, notify) }
    }

    /// How many messages there are up to a number.
    fn ordinal_at(&self, seq: Seq) -> u64 {
        self.events.range(..=seq).next_back().map_or(self.pruned, |(_, stored)| stored.ordinal)
    }

    fn newest_own(&self, user: &UserId) -> Option<Seq> {
        self.own(user).next_back()
    }

    fn own_beyond(&self, user: &UserId, seq: Seq) -> u64 {
        self.own(user).filter(|own| *own > seq && !self.state.deleted.contains_key(own)).count() as u64
    }

    fn own(&self, user: &UserId) -> impl DoubleEndedIterator<Item = Seq> {
        let is_own = |event: &Event| event.actor.as_ref().is_some_and(|actor| actor.id == *user);
        let own =
            self.events.values().filter(move |stored| stored.event.countable().is_some() && is_own(&stored.event));
        own.map(|stored| stored.event.seq)
    }

    fn target(&self, seq: Seq) -> Option<Target> {
        let state = self.message_state(seq, None)?;
        let reactions =
            self.state.counts.range((seq, Reaction::from_stored(""))..).take_while(|((of, _), _)| *of == seq);
        Some(Target {
            author: state.actor.map(|actor| actor.id),
            body: state.message.body,
            is_deleted: state.deleted.is_some(),
            edits: state.edited.map_or(0, |edited| edited.count),
            is_pinned: state.pinned,
            reactions: reactions.map(|((_, reaction), counted)| (reaction.clone(), *counted)).collect(),
        })
    }

    fn reaction_counts(&self, seq: Seq, viewer: Option<&UserId>) -> Vec<ReactionCount> {
        let of_message =
            self.state.counts.range((seq, Reaction::from_stored(""))..).take_while(|((of, _), _)| *of == seq);
        let mut counts: Vec<_> =
            of_message.map(|((_, reaction), counted)| (counted.since, reaction, counted.count)).collect();
        counts.sort_unstable();
        let is_mine = |reaction: &Reaction| {
            viewer.is_some_and(|user| self.state.reactions.contains_key(&(seq, reaction.clone(), user.clone())))
        };
        let count = |(_, reaction, count): (_, &Reaction, _)| ReactionCount {
            reaction: reaction.clone(),
            count,
            mine: is_mine(reaction),
        };
        counts.into_iter().map(count).collect()
    }

    fn newest_edit(&self, seq: Seq) -> Option<(&Event, &MessageEdited)> {
        let edit = self.events.get(self.state.edited.get(&seq)?)?;
        as_edit(&edit.event)
    }

    fn edits(&self, seq: Seq) -> impl Iterator<Item = (&Event, &MessageEdited)> {
        let later = self.events.range(seq.next()..).filter_map(|(_, stored)| as_edit(&stored.event));
        later.filter(move |(_, edit)| edit.target == seq)
    }

    /// Takes what a message said out of its event and those of its edits.
    fn erase(&mut self, seq: Seq) {
        let edits: Vec<_> = self.edits(seq).map(|(event, _)| event.seq).collect();
        for seq in edits.into_iter().chain([seq]) {
            if let Some(stored) = self.events.get_mut(&seq) {
                stored.event = std::sync::Arc::new(Event::clone(&stored.event).erased());
                stored.fingerprint = Fingerprint::ERASED;
            }
        }
    }
}

fn as_edit(event: &Event) -> Option<(&Event, &MessageEdited)> {
    event.edit().map(|edit| (event, edit))
}
