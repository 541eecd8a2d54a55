//! What becomes of the entries of an append: judged, numbered and made events of. One pure function, the same for every store.

use std::sync::Arc;

use crate::{
    Body, Edit, Event, EventKind, Identity, Mark, MarkTo, Marked, MemberChange, MemberEvent, Message, MessageEdited,
    Reaction, Role, RoomId, RoomKind, Seq, Unread, UserId,
    append::{AppendOutcome, Entry, EventKey, Fingerprint, Op, RoomUpdate, StoredEvent},
    error::Error,
    rights::{Asker, RoomAction, Standing},
};

mod changes;
mod facts;
mod invites;
mod members;
mod replay;
#[cfg(test)]
mod tests;

#[cfg(feature = "sea")]
pub(super) use changes::Deletion;
pub(super) use changes::{Changes, Mentioned, ReactionRow};
pub(super) use facts::{Counted, Facts, Key, Naming, Pruned, Target, Thread};
pub(super) use members::{Heir, MemberRow, RestrictionRow};
pub(super) use replay::{Replayed, check_marks, mark_entry, replay};

/// The most different reactions to a message: more are not told apart at a glance.
const MAX_REACTIONS: usize = 20;
/// The most edits of a message. Each is a row for good.
const MAX_EDITS: u64 = 200;
/// The most pinned messages of a room: they are read all at once.
const MAX_PINS: u64 = 100;

/// What becomes of the entries of one room.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Of each entry, in order.
    pub(super) outcomes: Vec<AppendOutcome>,
    /// What is to be stored, in order.
    pub(super) new: Vec<StoredEvent>,
    /// What it changes beside the log.
    pub(super) changes: Changes,
    /// The marks whose [`Unread`] is to be counted at the end of the append.
    pub(super) marked: Vec<MarkedEntry>,
}

/// An entry that marked the room as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MarkedEntry {
    /// Which entry.
    pub(super) index: usize,
    /// Whose mark it is.
    pub(super) user: UserId,
    /// The mark as the entry left it, to count by: `by_back` says whether an own message stands beyond it at the end of the batch.
    pub(super) mark: Mark,
}

impl Judgement {
    /// Completes the answer to a mark: what is unread beyond it, as it was counted.
    pub(super) fn counted(&mut self, index: usize, unread: u64, mentions: u64) {
        if let Some(AppendOutcome::Marked(marked)) = self.outcomes.get_mut(index) {
            (marked.unread.unread, marked.unread.mentions) = (unread, mentions);
        }
    }
}

/// Judges the entries of a room in order, each as if those before it were stored. One that is refused takes no number, and
/// the others go on.
pub(super) fn judge<'a>(room: RoomId, entries: &'a [Entry], facts: Facts<'a>) -> Judgement {
    let before = facts.head;
    let messages_before = facts.messages;
    let judgement = Judgement::default();
    let mut judge = Judge { room, before, messages_before, facts, judgement, puts_off: false };
    for entry in entries {
        let outcome = judge.entry(entry);
        judge.judgement.outcomes.push(outcome);
    }
    let Judge { mut judgement, facts, .. } = judge;
    for marked in &mut judgement.marked {
        // What is unread is counted at the end of the batch, and the user may have written in it after the mark.
        marked.mark.by_back |= facts.newest_own.get(&marked.user).is_some_and(|own| *own > marked.mark.seq);
    }
    for outcome in &mut judgement.outcomes {
        if let AppendOutcome::Marked(marked) = outcome {
            marked.unread.ordinal = facts.messages;
        }
    }
    erase(&mut judgement);
    judgement
}

/// What a batch sends and deletes is never stored with what it said, and nobody is told that it mentions them.
fn erase(Judgement { outcomes, new, changes, .. }: &mut Judgement) {
    let is_deleted =
        |event: &Event| event.tells_text_of().is_some_and(|(message, _)| changes.deleted.contains_key(&message));
    for outcome in outcomes {
        if let AppendOutcome::New { event, mentioned, .. } = outcome
            && is_deleted(event)
        {
            mentioned.clear();
        }
    }
    for stored in new {
        if is_deleted(&stored.event) {
            stored.event = Arc::new(Event::clone(&stored.event).erased());
            stored.fingerprint = Fingerprint::ERASED;
        }
    }
}

/// A room's entries on their way through.
struct Judge<'a> {
    room: RoomId,
    /// The head before the batch.
    before: Seq,
    /// How many messages there were before the batch.
    messages_before: u64,
    /// What is known, as it is after the entries that were judged.
    facts: Facts<'a>,
    judgement: Judgement,
    /// Whether an entry was put off, and so what stands behind it.
    puts_off: bool,
}

/// What is to be done about an entry.
enum Effect {
    /// This happens.
    Event(EventKind),
    /// The room ends.
    End {
        /// Because this user has left it as the last one.
        by: Identity,
    },
    /// It has to be judged again, in a transaction of its own.
    PutOff,
    /// Nothing would change.
    Unchanged {
        /// How many users have the reaction, if it is about one.
        count: Option<u64>,
    },
}

impl<'a> Judge<'a> {
    fn entry(&mut self, entry: &'a Entry) -> AppendOutcome {
        if self.puts_off {
            return AppendOutcome::PutOff(Box::new(entry.clone()));
        }
        let seen = match entry.op.accepts() {
            Some(code) => self.facts.check_invited(entry, code),
            None => self.facts.terms.check_seen(self.facts.asker(entry), entry.at),
        };
        if let Err(error) = seen {
            return AppendOutcome::Refused(error);
        }
        if let Some(first) = Key::of(entry).and_then(|key| self.facts.keys.get(&key)) {
            return retried(first, entry);
        }
        if let Err(error) = may(entry, &self.facts) {
            return AppendOutcome::Refused(error);
        }
        if let Op::Mark(to) = &entry.op {
            return self.mark(entry.actor.as_ref(), *to);
        }
        if let Op::Prune(_) = &entry.op {
            return self.prune();
        }
        if let Op::Invite(op) = &entry.op {
            return self.invite(entry, *op);
        }
        match effect(entry, &self.facts) {
            Ok(Effect::Event(kind)) => self.happened(entry, kind),
            Ok(Effect::End { by }) => {
                let event = self.store(entry, Some(&by), EventKind::RoomDeleted);
                AppendOutcome::New { event, mentioned: Vec::new(), standing: Standing::default(), heir: None }
            }
            Ok(Effect::PutOff) => {
                self.puts_off = true;
                AppendOutcome::PutOff(Box::new(alone(entry)))
            }
            Ok(Effect::Unchanged { count }) => AppendOutcome::Unchanged { count },
            Err(error) => AppendOutcome::Refused(error),
        }
    }

    fn happened(&mut self, entry: &'a Entry, kind: EventKind) -> AppendOutcome {
        let mentioned = mentioned_anew(entry, &kind, &self.facts);
        let owners = self.facts.owners;
        let event = self.store(entry, entry.actor.as_ref(), kind);
        self.count_use(entry);
        let lost = event.member().filter(|_| owners > 0 && self.facts.owners == 0);
        // Nobody follows whoever is alone.
        let heir = lost.and_then(|lost| self.facts.heir_of(&lost.user.id)).cloned();
        let heir = heir.map(|heir| self.succeed(entry, heir));
        let standing = entry.actor.as_ref().map(|actor| self.facts.standing(&actor.id)).unwrap_or_default();
        AppendOutcome::New { event, mentioned, standing, heir }
    }

    /// Somebody owns the room, since its last owner is lost.
    fn succeed(&mut self, entry: &Entry, user: Identity) -> Arc<Event> {
        let (change, role) = (MemberChange::Role, Some(Role::Owner));
        let kind = EventKind::Member(MemberEvent { change, user, role, until: None, reason: None });
        let seq = self.facts.head.next();
        let event = Arc::new(Event { room: self.room, seq, at: entry.at, actor: None, key: None, kind });
        let key = EventKey::generated(&format!("heir-{seq}"));
        self.take(&event, key, Fingerprint::ERASED);
        event
    }

    /// Gives an entry the room's next number. What follows in the batch is judged with it.
    fn store(&mut self, entry: &'a Entry, actor: Option<&Identity>, kind: EventKind) -> Arc<Event> {
        let (seq, key, actor) = (self.facts.head.next(), entry.key.to_given(), actor.map(Identity::to_stored));
        let event = Arc::new(Event { room: self.room, seq, at: entry.at, actor, key, kind });
        let facts = &mut self.facts;
        if let Some(message) = event.countable() {
            facts.messages = message.ordinal;
            self.judgement.changes.wrote(entry, seq, message.ordinal);
            if let Some(author) = &entry.actor {
                facts.newest_own.insert(author.id.clone(), seq);
            }
        }
        let stored = self.take(&event, entry.key.clone(), entry.fingerprint);
        if let Some(key) = Key::of(entry) {
            self.facts.keys.insert(key, stored);
        }
        event
    }

    /// Takes an event in, which is the room's newest one then.
    fn take(&mut self, event: &Arc<Event>, key: EventKey, fingerprint: Fingerprint) -> StoredEvent {
        self.facts.head = event.seq;
        self.judgement.changes.apply(event, &mut self.facts);
        let stored = StoredEvent { event: Arc::clone(event), key, fingerprint, ordinal: self.facts.messages };
        self.judgement.new.push(stored.clone());
        stored
    }

    /// Marks the room as read by a user.
    fn mark(&mut self, user: Option<&Identity>, to: MarkTo) -> AppendOutcome {
        let Some(user) = user else { return AppendOutcome::Refused(Error::Unauthenticated) };
        let pending = self.judgement.changes.marks.get(&user.id).map(|(_, mark)| *mark);
        let stored = pending.or_else(|| self.facts.marks.get(&user.id).copied());
        let mut mark = stored.unwrap_or(Mark::NONE);
        mark.by_back |= self.judgement.changes.written_for.contains(&user.id);
        let seq = to.seq.min(self.facts.head);
        if to.back || seq > mark.seq {
            let newest_own = self.facts.newest_own.get(&user.id).copied().unwrap_or_default();
            let by_back = (to.back || mark.by_back) && newest_own > seq;
            mark = Mark { seq, ordinal: self.ordinal_at(seq), by_back };
        }
        let moved = stored.is_none_or(|stored| stored.seq != mark.seq);
        if stored != Some(mark) {
            self.judgement.changes.marks.insert(user.id.clone(), (user.to_stored(), mark));
        }
        let index = self.judgement.outcomes.len();
        self.judgement.marked.push(MarkedEntry { index, user: user.id.clone(), mark });
        let unread = Unread { seq: mark.seq, ..Unread::default() };
        AppendOutcome::Marked(Marked { room: self.room, unread, moved })
    }

    /// Lets the log begin later.
    fn prune(&mut self) -> AppendOutcome {
        if let Some(pruned) = self.facts.prune.filter(|pruned| pruned.first > self.facts.first) {
            self.judgement.changes.pruned = Some(pruned);
            self.facts.first = pruned.first;
        }
        AppendOutcome::Pruned(self.facts.first)
    }

    /// How many messages there are up to a number.
    fn ordinal_at(&self, seq: Seq) -> u64 {
        let ordinal = if seq > self.before {
            let upto = self.judgement.new.iter().rev().find(|stored| stored.event.seq <= seq);
            upto.map_or(self.messages_before, |stored| stored.ordinal)
        } else if seq == self.before {
            self.messages_before
        } else {
            self.facts.ordinals.get(&seq).copied().unwrap_or_default()
        };
        ordinal.max(self.facts.pruned)
    }
}

/// Whether whoever makes an entry may do so, as far as it does not depend on whose message it is about.
fn may(entry: &Entry, facts: &Facts<'_>) -> Result<(), Error> {
    let check = |action| facts.terms.check(action, facts.asker(entry), entry.at);
    let mention = |mentions: bool| if mentions { check(RoomAction::MentionRoom) } else { Ok(()) };
    match &entry.op {
        Op::Message(body) => check(RoomAction::Write).and_then(|()| mention(body.mentions_room)),
        Op::Edit(_, edit) => check(RoomAction::Write).and_then(|()| mention(edit.mentions_room == Some(true))),
        Op::React(..) => check(RoomAction::Write),
        Op::Delete(..) => Ok(()),
        Op::Pin(..) => check(RoomAction::Pin),
        Op::Mark(_) => check(RoomAction::Mark),
        Op::UpdateRoom(update) => {
            if update.kind.is_some_and(|kind| kind != facts.terms.kind) {
                check(RoomAction::ChangeKind)?;
            }
            if update.invites.is_some_and(|invites| invites != facts.terms.invites) {
                check(RoomAction::ChangeInvites)?;
            }
            check(RoomAction::Update)
        }
        Op::DeleteRoom => check(RoomAction::Delete),
        // Each of their steps has an action of its own.
        Op::Member(_) | Op::Invite(_) => Ok(()),
        Op::Prune(_) => Ok(()),
    }
}

/// The same entry in a transaction of its own.
fn alone(entry: &Entry) -> Entry {
    let mut alone = entry.clone();
    if let Op::Member(op) = &mut alone.op {
        op.is_alone = true;
    }
    alone
}

/// What happens if an entry is stored.
///
/// This is where each operation is judged: whether the target is there, whether the actor may, whether it changes anything.
fn effect(entry: &Entry, facts: &Facts<'_>) -> Result<Effect, Error> {
    match &entry.op {
        Op::Message(body) => sent(body, facts),
        Op::Edit(target, edit) => edited(entry, *target, edit, facts),
        Op::Delete(target, reason) => {
            let message = facts.targets.get(target).ok_or(Error::MessageNotFound)?;
            if message.is_deleted {
                return Ok(Effect::Unchanged { count: None });
            }
            let action = if is_author(entry, message) { RoomAction::DeleteOwn } else { RoomAction::DeleteOthers };
            facts.terms.check(action, facts.asker(entry), entry.at)?;
            Ok(Effect::Event(EventKind::MessageDeleted { target: *target, reason: reason.clone() }))
        }
        Op::React(target, reaction, added) => reacted(entry, *target, reaction, *added, facts),
        Op::Pin(target, pinned) => {
            let message = living(*target, facts)?;
            if message.is_pinned == *pinned {
                return Ok(Effect::Unchanged { count: None });
            }
            if *pinned && facts.pins >= MAX_PINS {
                return Err(Error::TooMany { what: "pins".into() });
            }
            Ok(Effect::Event(EventKind::Pin { target: *target, pinned: *pinned }))
        }
        Op::Member(op) => members::changed(entry, op, facts),
        Op::UpdateRoom(update) => updated(update, facts),
        Op::DeleteRoom => Ok(Effect::Event(EventKind::RoomDeleted)),
        // They make no event, and are judged by themselves.
        Op::Mark(_) | Op::Prune(_) | Op::Invite(_) => Ok(Effect::Unchanged { count: None }),
    }
}

fn sent(body: &Body, facts: &Facts<'_>) -> Result<Effect, Error> {
    let of = |target: Option<Seq>| match target {
        Some(target) => facts.targets.get(&target).map(Some).ok_or(Error::MessageNotFound),
        None => Ok(None),
    };
    let (replied_to, root) = (of(body.reply_to)?, of(body.thread)?);
    let (mut ordinal, mut thread_ordinal) = (facts.messages + 1, None);
    if let Some(root) = root {
        if root.body.thread.is_some() {
            return Err(Error::invalid_field("thread", "must be a message that is not in a thread itself"));
        }
        if replied_to.is_some_and(|message| message.body.thread != body.thread) && body.reply_to != body.thread {
            return Err(Error::invalid_field("reply_to", "must be the root of the thread, or a message in it"));
        }
        let thread = body.thread.and_then(|root| facts.threads.get(&root)).copied().unwrap_or_default();
        (ordinal, thread_ordinal) = (facts.messages, Some(thread.last_ordinal + 1));
    }
    Ok(Effect::Event(EventKind::Message(Message { body: body.clone(), ordinal, thread_ordinal, erased: false })))
}

fn edited(entry: &Entry, target: Seq, edit: &Edit, facts: &Facts<'_>) -> Result<Effect, Error> {
    let message = living(target, facts)?;
    if !entry.by_system && !is_author(entry, message) {
        return Err(Error::Forbidden);
    }
    let body = message.body.edited(edit);
    if body == message.body {
        return Ok(Effect::Unchanged { count: None });
    }
    if message.edits >= MAX_EDITS {
        return Err(Error::TooMany { what: "edits".into() });
    }
    let body = Body { reply_to: None, thread: None, ..body };
    let count = message.edits + 1;
    Ok(Effect::Event(EventKind::MessageEdited(MessageEdited { target, body, count, erased: false })))
}

fn reacted(entry: &Entry, target: Seq, reaction: &Reaction, added: bool, facts: &Facts<'_>) -> Result<Effect, Error> {
    let message = living(target, facts)?;
    let user = entry.actor.as_ref().ok_or(Error::Unauthenticated)?;
    let count = message.reactions.get(reaction).map_or(0, |counted| counted.count);
    if facts.reacted.contains(&(target, reaction.clone(), user.id.clone())) == added {
        return Ok(Effect::Unchanged { count: Some(count) });
    }
    if added && count == 0 && message.reactions.len() >= MAX_REACTIONS {
        return Err(Error::TooMany { what: "reactions".into() });
    }
    let count = if added { count + 1 } else { count.saturating_sub(1) };
    Ok(Effect::Event(EventKind::Reaction { target, reaction: reaction.clone(), added, count }))
}

fn updated(update: &RoomUpdate, facts: &Facts<'_>) -> Result<Effect, Error> {
    let Some(Naming { name: old_name, topic: old_topic, holder }) = &facts.naming else {
        return Err(Error::RoomNotFound);
    };
    let name = update.name.as_ref().unwrap_or(old_name);
    let topic = update.topic.as_ref().unwrap_or(old_topic);
    let (kind, invites) = (update.kind.unwrap_or(facts.terms.kind), update.invites.unwrap_or(facts.terms.invites));
    let is_opened = kind == RoomKind::Public && facts.terms.kind != kind;
    if (name, topic, kind, invites) == (old_name, old_topic, facts.terms.kind, facts.terms.invites) {
        return Ok(Effect::Unchanged { count: None });
    }
    // A room whose name clashed before names were folded has no key until it is renamed: its topic changes all the same. Only
    // public rooms have names to themselves.
    match holder {
        Some(holder) if kind == RoomKind::Public && (is_opened || name != old_name) => {
            Err(Error::NameTaken { room: Some(Box::new(holder.clone())) })
        }
        _ => {
            let (name, topic) = (name.clone(), topic.clone());
            Ok(Effect::Event(EventKind::RoomUpdated { name, topic, kind, invites }))
        }
    }
}

/// A message that is to be changed.
fn living<'f>(target: Seq, facts: &'f Facts<'_>) -> Result<&'f Target, Error> {
    let message = facts.targets.get(&target).ok_or(Error::MessageNotFound)?;
    if message.is_deleted { Err(Error::MessageDeleted) } else { Ok(message) }
}

fn is_author(entry: &Entry, message: &Target) -> bool {
    entry.actor.as_ref().is_some_and(|actor| message.author.as_ref() == Some(&actor.id))
}

/// The users whom this mentions and who were not mentioned before: not the message's author.
fn mentioned_anew(entry: &Entry, kind: &EventKind, facts: &Facts<'_>) -> Vec<UserId> {
    let (body, before, author) = match kind {
        EventKind::Message(message) => (&message.body, None, entry.actor.as_ref().map(|actor| &actor.id)),
        EventKind::MessageEdited(edit) => {
            let Some(target) = facts.targets.get(&edit.target) else { return Vec::new() };
            (&edit.body, Some(&target.body.mentions), target.author.as_ref())
        }
        EventKind::MessageDeleted { .. }
        | EventKind::Reaction { .. }
        | EventKind::Pin { .. }
        | EventKind::Member(_)
        | EventKind::RoomUpdated { .. }
        | EventKind::RoomDeleted => return Vec::new(),
    };
    let mut mentioned: Vec<UserId> = Vec::new();
    for user in &body.mentions {
        let is_known = before.is_some_and(|before| before.contains(user)) || mentioned.contains(user);
        // Who does not see the room is not told of it. Where the host says who does, it is asked when they are told.
        let asker = Asker::User { standing: facts.standing(user), admin: false };
        let is_told = entry.standing.is_some_and(|known| known.is_told());
        let sees = || is_told || facts.terms.check_seen(asker, entry.at).is_ok();
        if !is_known && Some(user) != author && sees() {
            mentioned.push(user.clone());
        }
    }
    mentioned
}

/// What becomes of an entry whose key was used before: a replay of the first answer, or a refusal.
fn retried(first: &StoredEvent, entry: &Entry) -> AppendOutcome {
    if entry.op.subject().is_of(&first.event) && entry.fingerprint.is_retry_of(first.fingerprint) {
        AppendOutcome::Replay(Arc::clone(&first.event))
    } else {
        AppendOutcome::Refused(Error::IdempotencyMismatch)
    }
}
