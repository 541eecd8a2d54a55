//! What became of an append: who is answered what, and who else is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Event, EventKind, Identity, Marked, Notice, Seq, SessionId, UserId,
    append::{AppendOutcome, Entry, Fingerprint, Lookup, Recovered, StoredEvent},
    error::Error,
    rights::Standing,
    state::{Effect, answer::AppendReply},
    subject::Subject,
};

/// An entry of the append under way.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) reply: AppendReply,
    pub(super) session: Option<SessionId>,
    /// Who marks the room with it, if that is what it does.
    pub(super) marker: Option<Sender>,
    pub(super) lookup: Lookup,
    /// What else it is found by if it has ended the room: that is the doing of the last one who was in, whoever put them out.
    pub(super) end: Option<Lookup>,
    /// To tell a retry from another change with its key.
    pub(super) fingerprint: Fingerprint,
    /// The same, where nothing is left to compare with.
    pub(super) subject: Subject,
}

/// Who has sent a request.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) session: Option<SessionId>,
    pub(super) user: Identity,
}

/// What became of an append.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The events that are new.
    pub(super) committed: Vec<Committed>,
    /// Who has marked the room.
    pub(super) marks: Vec<(Sender, Marked)>,
    /// Where the log begins, if it was pruned.
    pub(super) pruned: Option<Seq>,
    /// What is to be appended again, in this order, before everything that waits.
    pub(super) put_off: Vec<PutOff>,
}

/// An event that is stored.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) event: Arc<Event>,
    /// What its actor is in the room after it, if the store has said so.
    pub(super) standing: Option<Standing>,
}

impl From<Arc<Event>> for Committed {
    fn from(event: Arc<Event>) -> Self {
        Self { event, standing: None }
    }
}

/// An entry that was not judged.
#[derive(Debug)]
pub(super) struct PutOff {
    pub(super) session: Option<SessionId>,
    pub(super) reply: AppendReply,
    pub(super) entry: Box<Entry>,
}

/// Answers each entry what became of it.
pub(super) fn answer_appended(
    in_flight: Vec<InFlight>,
    outcomes: Vec<AppendOutcome>,
    effects: &mut Vec<Effect>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut outcomes = outcomes.into_iter();
    for InFlight { reply, session, marker: sender, .. } in in_flight {
        match outcomes.next() {
            Some(AppendOutcome::PutOff(entry)) => outcome.put_off.push(PutOff { session, reply, entry }),
            Some(AppendOutcome::New { event, mentioned, standing, heir }) => {
                outcome.committed.push(Committed { event: event.clone(), standing: Some(standing) });
                outcome.committed.extend(heir.map(Committed::from));
                notify(&event, mentioned, effects);
                reply.stored(event, false, effects);
            }
            Some(AppendOutcome::Replay(event)) => reply.stored(event, true, effects),
            Some(AppendOutcome::Unchanged { count }) => reply.unchanged(count, effects),
            Some(AppendOutcome::Marked(marked)) => {
                outcome.marks.extend(sender.map(|sender| (sender, marked.clone())));
                reply.marked(marked, effects);
            }
            Some(AppendOutcome::Pruned(first)) => {
                outcome.pruned = Some(first);
                reply.pruned(first, effects);
            }
            Some(AppendOutcome::Invited(invite)) => reply.invited(*invite, effects),
            Some(AppendOutcome::Refused(error)) => reply.fail(error, effects),
            // A store that answers fewer entries than it was given: a defect, but nobody is left waiting.
            None => reply.fail(Error::Internal, effects),
        }
    }
    outcome
}

/// Tells single users of a new event that concerns them.
fn notify(event: &Event, mentioned: Vec<UserId>, effects: &mut Vec<Effect>) {
    let (room, Some(author)) = (event.room, &event.actor) else { return };
    let seq = event.target().unwrap_or(event.seq);
    for user in mentioned {
        let notice = Notice::Mention { room, seq, author: author.clone() };
        effects.push(Effect::Notify { user, except: None, notice });
    }
    if let Some(root) = event.message().and_then(|message| message.body.thread) {
        effects.push(Effect::NotifyThread { root, seq: event.seq, author: author.id.clone() });
    }
}

/// Tells of a message that was found again whom it mentions, as far as they may hear the room: all of them anew, but not its
/// author. Whom an edit names anew is not known any more.
pub(super) fn notify_mentioned(event: &Event, hears: impl Fn(&UserId) -> bool, effects: &mut Vec<Effect>) {
    let (Some(message), Some(author)) = (event.message(), &event.actor) else { return };
    let others: BTreeSet<_> = message.body.mentions.iter().filter(|user| **user != author.id && hears(user)).collect();
    for user in others {
        let notice = Notice::Mention { room: event.room, seq: event.seq, author: author.clone() };
        effects.push(Effect::Notify { user: user.clone(), except: None, notice });
    }
}

/// Answers each entry of an append whose outcome was lost, by what was found; up to `head` all was known before. Returns which
/// events are told as new: whom they mention is not told yet.
pub(super) fn answer_recovered(
    in_flight: Vec<InFlight>,
    head: Seq,
    recovered: &Recovered,
    effects: &mut Vec<Effect>,
) -> BTreeSet<Seq> {
    let mut new = BTreeSet::new();
    let found: BTreeMap<_, _> = recovered.found.iter().map(|stored| (stored.lookup(), stored)).collect();
    let mut answered = BTreeSet::new();
    let is_end = |stored: &&&StoredEvent| stored.event.kind == EventKind::RoomDeleted;
    for InFlight { reply, lookup, end, fingerprint, subject, .. } in in_flight {
        let ended = || end.and_then(|end| found.get(&end)).filter(is_end);
        match found.get(&lookup).or_else(ended) {
            None if recovered.is_deleted => reply.fail(Error::RoomNotFound, effects),
            None => reply.not_found(effects),
            Some(stored)
                if !fingerprint.is_retry_of(stored.fingerprint)
                    || (stored.fingerprint == Fingerprint::ERASED && !subject.is_of(&stored.event)) =>
            {
                reply.fail(Error::IdempotencyMismatch, effects);
            }
            Some(stored) => {
                let first = answered.insert(lookup);
                let replayed = !first || stored.event.seq <= head;
                if !replayed {
                    notify(&stored.event, Vec::new(), effects);
                    new.insert(stored.event.seq);
                }
                reply.stored(stored.event.clone(), replayed, effects);
            }
        }
    }
    new
}
