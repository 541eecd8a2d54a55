//! What an append changes beside the log: the state that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Facts,
    facts::{Counted, Pruned, Target, Thread},
    members::{MemberRow, RestrictionRow, Rights},
};
use crate::{
    Body, Event, EventKind, Identity, Invite, InviteCode, Mark, MessageEdited, Reaction, RestrictionKind, Seq,
    Timestamp, UserId, append::Entry, rights::RoomTerms,
};

/// What an append changes beside the log, as it is at its end: each value replaces the one before.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::store) struct Changes {
    /// The newest edit of messages that were edited.
    pub(in crate::store) edited: BTreeMap<Seq, Seq>,
    /// Messages that were deleted.
    pub(in crate::store) deleted: BTreeMap<Seq, Deletion>,
    /// Whom messages mention.
    pub(in crate::store) mentions: BTreeMap<Seq, MentionChange>,
    /// Reactions of single users: added, or taken back.
    pub(in crate::store) reactions: BTreeMap<(Seq, Reaction, UserId), Option<ReactionRow>>,
    /// How many have a reaction; none at 0.
    pub(in crate::store) counts: BTreeMap<(Seq, Reaction), Counted>,
    /// Messages pinned, by which event, or no longer.
    pub(in crate::store) pins: BTreeMap<Seq, Option<Seq>>,
    /// Threads, by their roots.
    pub(in crate::store) threads: BTreeMap<Seq, Thread>,
    /// Who has written in which thread.
    pub(in crate::store) thread_users: BTreeSet<(Seq, UserId)>,
    /// Where the log begins now.
    pub(in crate::store) pruned: Option<Pruned>,
    /// How far users have read, with their names.
    pub(in crate::store) marks: BTreeMap<UserId, (Identity, Mark)>,
    /// The marks of users who come in, unless they have one.
    pub(in crate::store) first_marks: BTreeMap<UserId, (Identity, Mark)>,
    /// Who is in the room, or is something else there.
    pub(in crate::store) members: BTreeMap<UserId, MemberRow>,
    /// Who is banned or muted, or is no longer.
    pub(in crate::store) restrictions: BTreeMap<(RestrictionKind, UserId), Option<RestrictionRow>>,
    /// Invites that are there now, or no longer.
    pub(in crate::store) invites: BTreeMap<InviteCode, Option<Invite>>,
    /// Who has come in by which invite.
    pub(in crate::store) invite_uses: BTreeSet<(InviteCode, UserId)>,
    /// The events that are to be found in the audit.
    pub(in crate::store) audited: BTreeSet<Seq>,
    /// That rights have changed.
    pub(in crate::store) rights: Option<Rights>,
    /// Users in whose name the host has written: own messages may stand beyond the marks they have.
    pub(in crate::store) written_for: BTreeSet<UserId>,
}

/// A message's deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Deletion {
    /// Its event.
    pub(in crate::store) seq: Seq,
    /// Who wrote the message.
    pub(in crate::store) author: Option<UserId>,
    /// Whether the message counted.
    pub(in crate::store) countable: bool,
}

/// Whom a message mentions, before an append and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct MentionChange {
    /// Who wrote the message.
    pub(in crate::store) author: Option<UserId>,
    /// Whom it mentioned.
    pub(in crate::store) before: Mentioned,
    /// Whom it mentions.
    pub(in crate::store) after: Mentioned,
}

/// Who is mentioned; `None` is everyone.
pub(in crate::store) type Mentioned = BTreeSet<Option<UserId>>;

/// A user's reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct ReactionRow {
    /// Who reacted.
    pub(in crate::store) user: Identity,
    /// The event.
    pub(in crate::store) seq: Seq,
    /// When it was.
    pub(in crate::store) at: Timestamp,
}

/// Whom a message mentions that says this.
pub(in crate::store) fn mentioned(body: &Body) -> Mentioned {
    body.mentions.iter().cloned().map(Some).chain(body.mentions_room.then_some(None)).collect()
}

/// Whether an event is to be found in the audit: what happens with members and with the room, and deletions by others.
fn is_audited(event: &Event, facts: &Facts<'_>) -> bool {
    match &event.kind {
        EventKind::Member(_) | EventKind::RoomUpdated { .. } => true,
        EventKind::MessageDeleted { target, .. } => {
            let author = facts.targets.get(target).and_then(|target| target.author.as_ref());
            author != event.actor.as_ref().map(|actor| &actor.id)
        }
        EventKind::Message(_)
        | EventKind::MessageEdited(_)
        | EventKind::Reaction { .. }
        | EventKind::Pin { .. }
        | EventKind::RoomDeleted => false,
    }
}

impl Changes {
    /// Takes in an event that was just judged. What follows in the batch is judged by the facts as they are after it.
    pub(super) fn apply(&mut self, event: &Event, facts: &mut Facts<'_>) {
        if is_audited(event, facts) {
            self.audited.insert(event.seq);
        }
        match &event.kind {
            EventKind::Message(message) => self.message(event, &message.body, facts),
            EventKind::MessageEdited(edit) => self.edit(event, edit, facts),
            EventKind::MessageDeleted { target, .. } => self.delete(event, *target, facts),
            EventKind::Reaction { target, reaction, added, count } => {
                self.react(event, *target, reaction, (*added, *count), facts);
            }
            EventKind::Pin { target, pinned } => self.pin(event, *target, *pinned, facts),
            EventKind::Member(member) => self.member(event, member, facts),
            EventKind::RoomUpdated { kind, invites, .. } => {
                let terms = RoomTerms { kind: *kind, invites: *invites, ..facts.terms };
                if terms != facts.terms {
                    facts.terms = terms;
                    self.rights = Some(Rights { seq: event.seq, members: facts.members });
                }
            }
            EventKind::RoomDeleted => {}
        }
    }

    /// Takes in that a message that counts was written: its author has read the room up to there. What the host writes in a
    /// user's name, the user may not have read.
    pub(super) fn wrote(&mut self, entry: &Entry, seq: Seq, ordinal: u64) {
        let Some(author) = &entry.actor else { return };
        if entry.by_system {
            self.written_for.insert(author.id.clone());
            if let Some((_, mark)) = self.marks.get_mut(&author.id) {
                mark.by_back = true;
            }
        } else {
            self.written_for.remove(&author.id);
            self.marks.insert(author.id.clone(), (author.to_stored(), Mark { seq, ordinal, by_back: false }));
        }
    }

    fn message(&mut self, event: &Event, body: &Body, facts: &mut Facts<'_>) {
        let author = event.actor.as_ref().map(|actor| actor.id.clone());
        if let Some(root) = body.thread {
            let thread = facts.threads.entry(root).or_default();
            let Thread { count, last_ordinal, .. } = *thread;
            *thread = Thread { count: count + 1, last_ordinal: last_ordinal + 1, last: event.seq };
            self.threads.insert(root, *thread);
            self.thread_users.extend(author.clone().map(|author| (root, author)));
        }
        self.mention(event.seq, author.as_ref(), &Body::default(), body);
        facts.targets.insert(event.seq, Target { author, body: body.clone(), ..Target::default() });
    }

    fn edit(&mut self, event: &Event, edit: &MessageEdited, facts: &mut Facts<'_>) {
        let Some(target) = facts.targets.get_mut(&edit.target) else { return };
        self.edited.insert(edit.target, event.seq);
        self.mention(edit.target, target.author.as_ref(), &target.body, &edit.body);
        let erased = target.body.erased();
        target.body = Body { reply_to: erased.reply_to, thread: erased.thread, ..edit.body.clone() };
        target.edits = edit.count;
    }

    fn delete(&mut self, event: &Event, seq: Seq, facts: &mut Facts<'_>) {
        let Some(target) = facts.targets.get_mut(&seq) else { return };
        let (author, root) = (target.author.clone(), target.body.thread);
        self.deleted.insert(seq, Deletion { seq: event.seq, author: author.clone(), countable: root.is_none() });
        self.mention(seq, author.as_ref(), &target.body, &Body::default());
        if target.is_pinned {
            self.pins.insert(seq, None);
            facts.pins = facts.pins.saturating_sub(1);
        }
        // All reactions go with the message: what the batch had of them is not to come after that.
        self.reactions.retain(|(target, ..), _| *target != seq);
        self.counts.retain(|(target, _), _| *target != seq);
        let body = target.body.erased();
        *target = Target { author, body, is_deleted: true, edits: target.edits, ..Target::default() };
        let Some(root) = root else { return };
        let thread = facts.threads.entry(root).or_default();
        thread.count = thread.count.saturating_sub(1);
        self.threads.insert(root, *thread);
    }

    fn react(
        &mut self,
        event: &Event,
        target: Seq,
        reaction: &Reaction,
        (added, count): (bool, u64),
        facts: &mut Facts<'_>,
    ) {
        let (Some(user), Some(message)) = (&event.actor, facts.targets.get_mut(&target)) else { return };
        let since = match message.reactions.get(reaction) {
            Some(counted) if counted.count > 0 => counted.since,
            _ => event.seq,
        };
        let counted = Counted { count, since };
        if count == 0 {
            message.reactions.remove(reaction);
        } else {
            message.reactions.insert(reaction.clone(), counted);
        }
        self.counts.insert((target, reaction.clone()), counted);
        let key = (target, reaction.clone(), user.id.clone());
        let row = ReactionRow { user: user.clone(), seq: event.seq, at: event.at };
        if added {
            facts.reacted.insert(key.clone());
        } else {
            facts.reacted.remove(&key);
        }
        self.reactions.insert(key, added.then_some(row));
    }

    fn pin(&mut self, event: &Event, target: Seq, pinned: bool, facts: &mut Facts<'_>) {
        self.pins.insert(target, pinned.then_some(event.seq));
        facts.pins = if pinned { facts.pins + 1 } else { facts.pins.saturating_sub(1) };
        if let Some(message) = facts.targets.get_mut(&target) {
            message.is_pinned = pinned;
        }
    }

    fn mention(&mut self, seq: Seq, author: Option<&UserId>, before: &Body, after: &Body) {
        let (before, after) = (mentioned(before), mentioned(after));
        if before == after && !self.mentions.contains_key(&seq) {
            return;
        }
        let change = || MentionChange { author: author.cloned(), before, after: Mentioned::new() };
        self.mentions.entry(seq).or_insert_with(change).after = after;
    }
}
