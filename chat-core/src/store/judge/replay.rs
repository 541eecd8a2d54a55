//! Events of an import: each is taken as it is, if it makes sense where it stands.
//!
//! What may happen is what may happen in a living room: an event has to be what the judge of appends makes of the same
//! operation at this place. What hangs on messages before the beginning of the log leaves nothing but the event.

use std::{collections::BTreeSet, sync::Arc};

use super::{Effect, Facts, Judgement, Key, MAX_EDITS, effect, erase, living, sent};
use crate::{
    Body, Edit, Error, Event, EventKind, MarkTo, Message, MessageEdited, RoomId, Seq, Timestamp, UserMark,
    append::{Entry, EventKey, Fingerprint, Op, StoredEvent},
    archive::{ArchivedEvent, MAX_SEQ, Misfit},
};

/// An event of an import, with the key that it is stored with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Replayed<'a> {
    /// Which of the things that were given it is.
    pub(in crate::store) index: usize,
    /// The event.
    pub(in crate::store) archived: &'a ArchivedEvent,
    /// What it does, as an entry by which facts are loaded; `None` if it needs none.
    pub(in crate::store) entry: Option<Entry>,
    key: EventKey,
}

impl<'a> Replayed<'a> {
    /// An event; `unique` makes it a key if it has none.
    pub(in crate::store) fn new(index: usize, archived: &'a ArchivedEvent, unique: &str) -> Self {
        let event = &archived.event;
        let key = event.key.as_ref().map_or_else(|| EventKey::generated(unique), EventKey::given);
        let entry = op_of(event).map(|op| Entry {
            actor: event.actor.clone(),
            key: key.clone(),
            fingerprint: Fingerprint::ERASED,
            at: event.at,
            by_system: true,
            standing: None,
            op,
        });
        Self { index, archived, entry, key }
    }

    fn misfit(&self, field: &'static str, reason: impl Into<String>) -> Misfit {
        Misfit::new(self.index, field, reason)
    }

    fn refused(&self, field: &'static str, error: Error) -> Misfit {
        if let Error::InvalidField { field, reason } = error {
            return Misfit { index: self.index, invalid: crate::InvalidField { field, reason } };
        }
        self.misfit(field, error.to_string())
    }

    /// What a retry is compared by.
    fn fingerprint(&self) -> Fingerprint {
        let event = &self.archived.event;
        if event.tells_text_of().is_some_and(|(_, erased)| erased) {
            return Fingerprint::ERASED;
        }
        self.archived.fingerprint.unwrap_or_else(|| match op_of(event) {
            Some(Op::Edit(..)) | None => Fingerprint::ERASED,
            Some(op) => op.fingerprint(),
        })
    }
}

/// Takes events in that follow on what is stored, or says which one does not fit. `facts.first` is where the log begins, and
/// for threads whose roots stand before it `facts.threads` has the newest ordinal.
pub(in crate::store) fn replay(
    room: RoomId,
    events: &[Replayed<'_>],
    mut facts: Facts<'_>,
) -> Result<Judgement, Misfit> {
    let first = facts.first;
    let mut judgement = Judgement::default();
    let mut keys = BTreeSet::new();
    for replayed in events {
        let event = &replayed.archived.event;
        if event.seq != facts.head.next() || event.seq.0 > MAX_SEQ {
            return Err(replayed.misfit("seq", format!("must be {}", facts.head.next())));
        }
        if let Some(actor) = event.actor.as_ref().filter(|_| event.key.is_some()) {
            let key = Key { user: actor.id.as_str(), key: replayed.key.as_str() };
            if facts.keys.contains_key(&key) || !keys.insert(key) {
                return Err(replayed.misfit("key", "was used before"));
            }
        }
        let kind = kind(replayed, &mut facts)?;
        let event = Arc::new(Event { room, seq: event.seq, kind, ..event.clone() });
        facts.head = event.seq;
        facts.messages += u64::from(event.countable().is_some());
        // Who is in the room is taken from the list of its members.
        if event.member().is_none() && event.target().is_none_or(|target| target >= first) {
            judgement.changes.apply(&event, &mut facts);
        }
        let (key, fingerprint) = (replayed.key.clone(), replayed.fingerprint());
        judgement.new.push(StoredEvent { event, key, fingerprint, ordinal: facts.messages });
    }
    judgement.changes.threads.retain(|root, _| *root >= first);
    judgement.changes.thread_users.retain(|(root, _)| *root >= first);
    erase(&mut judgement);
    Ok(judgement)
}

/// What the event says, if it makes sense here.
fn kind(replayed: &Replayed<'_>, facts: &mut Facts<'_>) -> Result<EventKind, Misfit> {
    let event = &replayed.archived.event;
    if let Some(target) = event.target() {
        if target == Seq(0) || target >= event.seq {
            return Err(replayed.misfit("target", "must be a message before this event"));
        }
        if target < facts.first {
            return pruned_target(replayed);
        }
    }
    match &event.kind {
        EventKind::Message(message) => self::message(replayed, message, facts).map(EventKind::Message),
        EventKind::MessageEdited(edit) => {
            edited(replayed, edit, facts)?;
            Ok(event.kind.clone())
        }
        EventKind::MessageDeleted { .. } | EventKind::Reaction { .. } | EventKind::Pin { .. } => {
            let Some(entry) = &replayed.entry else { return Ok(event.kind.clone()) };
            match effect(entry, facts).map_err(|error| replayed.refused("target", error))? {
                Effect::Event(kind) if kind == event.kind => Ok(kind),
                Effect::Event(EventKind::Reaction { count, .. }) => {
                    Err(replayed.misfit("count", format!("must be {count}")))
                }
                Effect::Event(_) | Effect::Unchanged { .. } | Effect::End { .. } | Effect::PutOff => {
                    Err(replayed.misfit("target", "is like that already"))
                }
            }
        }
        EventKind::Member(_) | EventKind::RoomUpdated { .. } => Ok(event.kind.clone()),
        EventKind::RoomDeleted => Err(replayed.misfit("type", "must not be the room's end")),
    }
}

/// A change of a message before the beginning of the log: it says nothing of its text.
fn pruned_target(replayed: &Replayed<'_>) -> Result<EventKind, Misfit> {
    let event = &replayed.archived.event;
    match event.edit() {
        Some(edit) if !edit.erased => Err(replayed.misfit("erased", "must be true: the message was pruned")),
        Some(edit) if edit.count == 0 => Err(replayed.misfit("count", "must be 1 or more")),
        Some(_) | None => Ok(event.kind.clone()),
    }
}

/// A message, with its ordinal.
fn message(replayed: &Replayed<'_>, message: &Message, facts: &mut Facts<'_>) -> Result<Message, Misfit> {
    let (first, seq) = (facts.first, replayed.archived.event.seq);
    let Body { reply_to, thread, .. } = message.body;
    for (field, place) in [("reply_to", reply_to), ("thread", thread)] {
        if place.is_some_and(|place| place == Seq(0) || place >= seq) {
            return Err(replayed.misfit(field, "must be a message before this one"));
        }
    }
    if let Some(root) = thread.filter(|root| *root < first) {
        return pruned_thread(replayed, message, root, facts);
    }
    // A reply to what was pruned stays. In a thread that is whole, it would be to nothing of that thread.
    let visible = reply_to.filter(|to| *to >= first || thread.is_some());
    let body = Body { reply_to: visible, ..message.body.clone() };
    let effect = sent(&body, facts).map_err(|error| replayed.refused(missing(&body, facts), error))?;
    let Effect::Event(EventKind::Message(made)) = effect else { return Ok(message.clone()) };
    if made.thread_ordinal != message.thread_ordinal {
        let expected = made.thread_ordinal.map_or_else(|| "be left out".to_owned(), |ordinal| format!("be {ordinal}"));
        return Err(replayed.misfit("thread_ordinal", format!("must {expected}")));
    }
    Ok(Message { ordinal: made.ordinal, ..message.clone() })
}

/// A message in what is left of a thread whose root was pruned: its ordinals go on from wherever they were.
fn pruned_thread(
    replayed: &Replayed<'_>,
    message: &Message,
    root: Seq,
    facts: &mut Facts<'_>,
) -> Result<Message, Misfit> {
    let last = facts.threads.get(&root).map_or(0, |thread| thread.last_ordinal);
    let Some(ordinal) = message.thread_ordinal.filter(|ordinal| *ordinal > 0 && (last == 0 || *ordinal == last + 1))
    else {
        let expected = if last == 0 { "1 or more".to_owned() } else { (last + 1).to_string() };
        return Err(replayed.misfit("thread_ordinal", format!("must be {expected}")));
    };
    if let Some(to) = message.body.reply_to.filter(|to| *to >= facts.first) {
        let is_in_thread = facts.targets.get(&to).is_some_and(|target| target.body.thread == Some(root));
        if !is_in_thread {
            return Err(replayed.misfit("reply_to", "must be the root of the thread, or a message in it"));
        }
    }
    // What takes the event in counts one on.
    facts.threads.entry(root).or_default().last_ordinal = ordinal - 1;
    Ok(Message { ordinal: facts.messages, ..message.clone() })
}

/// Which of the places is not there.
fn missing(body: &Body, facts: &Facts<'_>) -> &'static str {
    let is_missing = |place: Option<Seq>| place.is_some_and(|place| !facts.targets.contains_key(&place));
    if is_missing(body.reply_to) { "reply_to" } else { "thread" }
}

/// An edit: of a message that is there, and the next one of it.
fn edited(replayed: &Replayed<'_>, edit: &MessageEdited, facts: &Facts<'_>) -> Result<(), Misfit> {
    let message = living(edit.target, facts).map_err(|error| replayed.refused("target", error))?;
    if edit.count != message.edits + 1 {
        return Err(replayed.misfit("count", format!("must be {}", message.edits + 1)));
    }
    if edit.count > MAX_EDITS {
        return Err(replayed.misfit("count", format!("must be at most {MAX_EDITS}")));
    }
    Ok(())
}

/// A mark of an import as an entry: exactly there, wherever it was before.
pub(in crate::store) fn mark_entry(mark: &UserMark) -> Entry {
    let op = Op::Mark(MarkTo::back_to(mark.seq));
    Entry::new(Some(mark.user.clone()), EventKey::generated("mark"), Timestamp(0), op)
}

/// Refuses marks beyond the head, and a second one of a user.
pub(in crate::store) fn check_marks(marks: &[(usize, &UserMark)], facts: &Facts<'_>) -> Result<(), Misfit> {
    let mut users: BTreeSet<_> = facts.marks.keys().collect();
    for (index, mark) in marks {
        if mark.seq > facts.head {
            return Err(Misfit::new(*index, "seq", format!("must be at most {}", facts.head)));
        }
        if !users.insert(&mark.user.id) {
            return Err(Misfit::new(*index, "user", "has a mark already"));
        }
    }
    Ok(())
}

/// What an event does.
fn op_of(event: &Event) -> Option<Op> {
    match &event.kind {
        EventKind::Message(message) => Some(Op::Message(message.body.clone())),
        EventKind::MessageEdited(edit) => Some(Op::Edit(edit.target, Edit::default())),
        EventKind::MessageDeleted { target, reason } => Some(Op::Delete(*target, reason.clone())),
        EventKind::Reaction { target, reaction, added, .. } => Some(Op::React(*target, reaction.clone(), *added)),
        EventKind::Pin { target, pinned } => Some(Op::Pin(*target, *pinned)),
        EventKind::Member(_) | EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identity, Reaction, store::judge::Target};

    fn event(seq: u64, kind: EventKind) -> ArchivedEvent {
        let actor = Some(Identity::named("alice").unwrap());
        let event = Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(7), actor, key: None, kind };
        ArchivedEvent { event, fingerprint: None }
    }

    fn said(seq: u64, body: Body) -> ArchivedEvent {
        let message = Message { body, ordinal: 0, thread_ordinal: None, erased: false };
        event(seq, EventKind::Message(message))
    }

    fn reacted(seq: u64, target: u64, added: bool, count: u64) -> ArchivedEvent {
        let reaction = Reaction::new("yes").unwrap();
        event(seq, EventKind::Reaction { target: Seq(target), reaction, added, count })
    }

    fn edit(seq: u64, target: u64, count: u64, erased: bool) -> ArchivedEvent {
        let body = if erased { Body::default() } else { Body::text("x") };
        event(seq, EventKind::MessageEdited(MessageEdited { target: Seq(target), body, count, erased }))
    }

    fn deleted(seq: u64, target: u64) -> ArchivedEvent {
        event(seq, EventKind::MessageDeleted { target: Seq(target), reason: None })
    }

    /// What comes of events after `first - 1`, or which field of which one does not fit.
    fn taken(first: u64, events: &[ArchivedEvent]) -> Result<Vec<u64>, (usize, String)> {
        let facts = Facts { head: Seq(first - 1), first: Seq(first), ..Facts::default() };
        let replayed: Vec<_> = events.iter().enumerate().map(|(at, event)| Replayed::new(at, event, "k")).collect();
        match replay(RoomId(9), &replayed, facts) {
            Ok(judgement) => Ok(judgement.new.iter().map(|stored| stored.ordinal).collect()),
            Err(misfit) => Err((misfit.index, misfit.invalid.field.into_owned())),
        }
    }

    fn misfit(index: usize, field: &str) -> Result<Vec<u64>, (usize, String)> {
        Err((index, field.to_owned()))
    }

    #[test]
    fn events_are_counted_by_themselves() {
        let thread = Message {
            body: Body { thread: Some(Seq(1)), ..Body::text("x") },
            ordinal: 99,
            thread_ordinal: Some(1),
            erased: false,
        };
        let events = [
            said(1, Body::text("x")),
            event(2, EventKind::Message(thread)),
            reacted(3, 1, true, 1),
            edit(4, 1, 1, false),
            reacted(5, 1, false, 0),
            deleted(6, 1),
            said(7, Body { reply_to: Some(Seq(1)), ..Body::text("x") }),
        ];
        assert_eq!(taken(1, &events), Ok(vec![1, 1, 1, 1, 1, 1, 2]));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let one = || said(1, Body::text("x"));
        assert_eq!(taken(1, &[said(2, Body::text("x"))]), misfit(0, "seq"));
        assert_eq!(taken(1, &[one(), one()]), misfit(1, "seq"), "a doubled line");
        assert_eq!(taken(1, &[one(), reacted(2, 1, true, 2)]), misfit(1, "count"));
        assert_eq!(taken(1, &[one(), reacted(2, 1, false, 0)]), misfit(1, "target"), "there is none to take back");
        assert_eq!(taken(1, &[one(), edit(2, 1, 2, false)]), misfit(1, "count"));
        assert_eq!(taken(1, &[one(), edit(2, 3, 1, false)]), misfit(1, "target"), "not there yet");
        assert_eq!(taken(1, &[one(), deleted(2, 1), deleted(3, 1)]), misfit(2, "target"));
        assert_eq!(taken(1, &[one(), deleted(2, 1), edit(3, 1, 1, true)]), misfit(2, "target"));
        assert_eq!(taken(1, &[one(), deleted(2, 1), deleted(3, 2)]), misfit(2, "target"), "no message");
        let reply = |to| said(2, Body { reply_to: Some(Seq(to)), ..Body::text("x") });
        assert_eq!(taken(1, &[one(), reply(2)]), misfit(1, "reply_to"));
        let thread = said(2, Body { thread: Some(Seq(1)), ..Body::text("x") });
        assert_eq!(taken(1, &[one(), thread]), misfit(1, "thread_ordinal"));
    }

    #[test]
    fn what_hangs_on_pruned_messages_leaves_only_events() {
        let in_thread = |seq, ordinal| {
            let body = Body { thread: Some(Seq(2)), ..Body::text("x") };
            event(seq, EventKind::Message(Message { body, ordinal: 0, thread_ordinal: Some(ordinal), erased: false }))
        };
        let events = [
            in_thread(10, 7),
            in_thread(11, 8),
            reacted(12, 3, true, 5),
            edit(13, 3, 4, true),
            deleted(14, 3),
            said(15, Body { reply_to: Some(Seq(3)), ..Body::text("x") }),
        ];
        assert_eq!(taken(10, &events), Ok(vec![0, 0, 0, 0, 0, 1]));
        let replayed: Vec<_> = events.iter().map(|event| Replayed::new(0, event, "k")).collect();
        let facts = Facts { head: Seq(9), first: Seq(10), ..Facts::default() };
        let changes = replay(RoomId(9), &replayed, facts).unwrap().changes;
        assert!(changes.threads.is_empty() && changes.thread_users.is_empty() && changes.reactions.is_empty());
        assert!(changes.deleted.is_empty() && changes.counts.is_empty() && changes.edited.is_empty());
        assert_eq!(taken(10, &[in_thread(10, 7), in_thread(11, 7)]), misfit(1, "thread_ordinal"));
        assert_eq!(taken(10, &[edit(10, 3, 1, false)]), misfit(0, "erased"));
    }

    #[test]
    fn a_key_counts_once() {
        let keyed = |seq| {
            let mut event = said(seq, Body::text("x"));
            event.event.key = crate::IdempotencyKey::new("k1").ok();
            event
        };
        assert_eq!(taken(1, &[keyed(1), keyed(2)]), misfit(1, "key"));
        let facts = Facts { targets: [(Seq(1), Target::default())].into(), first: Seq(1), ..Facts::default() };
        let archived = keyed(1);
        let new = replay(RoomId(9), &[Replayed::new(0, &archived, "k")], facts).unwrap().new;
        assert_eq!(new[0].fingerprint, Fingerprint::of_text("x"));
    }
}
