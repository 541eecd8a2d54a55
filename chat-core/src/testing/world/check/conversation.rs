//! What replaying a room's events gives for its messages: written for itself, from the design, so that it can be compared with
//! what is served.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Checked, Promise, hold};
use crate::{Body, Deleted, Edited, Event, EventKind, Mark, MessageState, Reaction, ReactionCount, Seq, UserId};

/// The messages of a room as they are.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Conversation {
    messages: BTreeMap<Seq, Told>,
    /// How many there were that count.
    count: u64,
}

/// A message, and what has happened to it.
#[derive(Debug)]
struct Told {
    state: MessageState,
    author: Option<UserId>,
    reactions: BTreeMap<Reaction, (Seq, BTreeSet<UserId>)>,
    edits: Vec<Seq>,
    /// How many messages its thread ever had.
    thread_ordinal: u64,
    /// Whom it has mentioned at any time.
    ever_mentioned: BTreeSet<UserId>,
}

impl Conversation {
    /// Takes in the next event of the log, which has to make sense where it stands.
    pub(super) fn apply(&mut self, event: &Event) -> Checked {
        match &event.kind {
            EventKind::Message(_) => self.message(event),
            EventKind::MessageEdited(edit) => {
                let told = self.living(event, edit.target)?;
                let by_author = event.actor.as_ref().map(|actor| &actor.id) == told.author.as_ref();
                hold(by_author, Promise::Fold, || format!("event {} edits another's message", event.seq))?;
                let body = &told.state.message.body;
                told.state.message.body = Body { reply_to: body.reply_to, thread: body.thread, ..edit.body.clone() };
                told.ever_mentioned.extend(edit.body.mentions.iter().cloned());
                told.edits.push(event.seq);
                let count = told.edits.len() as u64;
                told.state.edited = Some(Edited { seq: event.seq, at: event.at, count });
                hold(edit.count == count, Promise::Fold, || format!("event {} is edit {count}: {edit:?}", event.seq))
            }
            EventKind::MessageDeleted { target, .. } => self.delete(event, *target),
            EventKind::Reaction { target, reaction, added, count } => {
                let told = self.living(event, *target)?;
                let Some(user) = event.actor.as_ref().map(|actor| actor.id.clone()) else {
                    return Err(Broken::new(Promise::Fold, format!("event {} is a reaction of nobody's", event.seq)));
                };
                let (since, users) = told.reactions.entry(reaction.clone()).or_default();
                if users.is_empty() {
                    *since = event.seq;
                }
                let news = if *added { users.insert(user) } else { users.remove(&user) };
                let now = users.len() as u64;
                told.reactions.retain(|_, (_, users)| !users.is_empty());
                hold(news && *count == now, Promise::Fold, || {
                    format!("event {} says {count} users have {reaction}, but they are {now} (news: {news})", event.seq)
                })
            }
            EventKind::Pin { target, pinned } => {
                let told = self.living(event, *target)?;
                let news = std::mem::replace(&mut told.state.pinned, *pinned) != *pinned;
                hold(news, Promise::Fold, || format!("event {} pins what is pinned", event.seq))
            }
            EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => Ok(()),
        }
    }

    fn message(&mut self, event: &Event) -> Checked {
        let Some(state) = MessageState::of(event.clone()) else { return Ok(()) };
        let body = &state.message.body;
        let mut thread_ordinal = None;
        if let Some(root) = body.thread {
            let Some(told) = self.messages.get_mut(&root) else {
                return Err(Broken::new(Promise::Fold, format!("event {} is in a thread of nothing", event.seq)));
            };
            told.thread_ordinal += 1;
            told.state.thread_count += 1;
            told.state.thread_last = Some(event.seq);
            thread_ordinal = Some(told.thread_ordinal);
        } else {
            self.count += 1;
        }
        hold(body.reply_to.is_none_or(|to| self.messages.contains_key(&to)), Promise::Fold, || {
            format!("event {} replies to nothing", event.seq)
        })?;
        let numbers = (state.message.ordinal, state.message.thread_ordinal);
        hold(numbers == (self.count, thread_ordinal), Promise::Fold, || {
            format!("message {} is number {} ({thread_ordinal:?}), but says {numbers:?}", event.seq, self.count)
        })?;
        let ever_mentioned = body.mentions.iter().cloned().collect();
        let author = event.actor.as_ref().map(|actor| actor.id.clone());
        let (reactions, edits) = (BTreeMap::new(), Vec::new());
        self.messages.insert(event.seq, Told { state, author, reactions, edits, thread_ordinal: 0, ever_mentioned });
        Ok(())
    }

    fn delete(&mut self, event: &Event, target: Seq) -> Checked {
        let told = self.living(event, target)?;
        let by_author = event.actor.as_ref().map(|actor| &actor.id) == told.author.as_ref();
        told.state.message.body = told.state.message.body.erased();
        told.state.message.erased = true;
        told.state.deleted = Some(Deleted { seq: event.seq, at: event.at, actor: event.actor.clone() });
        told.state.pinned = false;
        told.reactions.clear();
        if let Some(root) = told.state.message.body.thread.and_then(|root| self.messages.get_mut(&root)) {
            root.state.thread_count -= 1;
        }
        hold(by_author, Promise::Fold, || format!("event {} deletes another's message", event.seq))
    }

    /// A message that is to be changed: it is there, and was not deleted.
    fn living(&mut self, event: &Event, target: Seq) -> Result<&mut Told, Broken> {
        let broken = |what| Broken::new(Promise::Fold, format!("event {} changes {target}, which {what}", event.seq));
        match self.messages.get_mut(&target) {
            None => Err(broken("is no message")),
            Some(told) if told.state.deleted.is_some() => Err(broken("was deleted")),
            Some(told) => Ok(told),
        }
    }

    /// Whether there is such a message.
    pub(super) fn has(&self, seq: Seq) -> bool {
        self.messages.contains_key(&seq)
    }

    /// Who wrote a message.
    pub(super) fn author(&self, seq: Seq) -> Option<&UserId> {
        self.messages.get(&seq)?.author.as_ref()
    }

    /// The event that deleted a message.
    pub(super) fn deletion(&self, seq: Seq) -> Option<Seq> {
        Some(self.messages.get(&seq)?.state.deleted.as_ref()?.seq)
    }

    /// The edits of a message.
    pub(super) fn edits(&self, seq: Seq) -> &[Seq] {
        self.messages.get(&seq).map_or(&[], |told| &told.edits)
    }

    /// Whether a user was ever mentioned by a message of another's.
    pub(in crate::testing::world) fn may_notify(&self, seq: Seq, user: &UserId) -> bool {
        let told = self.messages.get(&seq);
        told.is_some_and(|told| told.ever_mentioned.contains(user) && told.author.as_ref() != Some(user))
    }

    /// Whether a message with this body has its place, going by what was acknowledged up to `floor`.
    pub(super) fn takes(&self, body: &Body, floor: Seq) -> bool {
        let get = |seq: Seq| self.messages.get(&seq).filter(|_| seq <= floor);
        let root_fits =
            body.thread.is_none_or(|root| get(root).is_some_and(|told| told.state.message.body.thread.is_none()));
        let reply_fits = body.reply_to.is_none_or(|to| {
            get(to).is_some_and(|told| {
                body.thread.is_none() || Some(to) == body.thread || told.state.message.body.thread == body.thread
            })
        });
        root_fits && reply_fits
    }

    /// The messages of the room, or of a thread, as a user sees them.
    pub(super) fn page(&self, thread: Option<Seq>, viewer: &UserId) -> Vec<MessageState> {
        let messages = self.messages.values().filter(|told| told.state.message.body.thread == thread);
        messages.map(|told| told.seen_by(viewer)).collect()
    }

    /// The messages that have a thread.
    pub(super) fn roots(&self) -> Vec<Seq> {
        self.messages.values().filter(|told| told.thread_ordinal > 0).map(|told| told.state.seq).collect()
    }

    /// What is unread beyond a mark, counted one by one: messages, and mentions.
    pub(super) fn unread(&self, user: &UserId, mark: Mark) -> (u64, u64) {
        let beyond = self.messages.range(mark.seq.next()..).map(|(_, told)| told);
        let others = beyond.filter(|told| told.state.deleted.is_none() && told.author.as_ref() != Some(user));
        let (mut unread, mut mentions) = (0, 0);
        for told in others {
            let body = &told.state.message.body;
            unread += u64::from(body.thread.is_none());
            mentions += u64::from(body.mentions_room || body.mentions.contains(user));
        }
        (unread, mentions)
    }
}

impl Told {
    fn seen_by(&self, viewer: &UserId) -> MessageState {
        let mut reactions: Vec<_> =
            self.reactions.iter().map(|(reaction, (since, users))| (since, reaction, users)).collect();
        reactions.sort_unstable_by_key(|(since, ..)| **since);
        let count = |(_, reaction, users): (&Seq, &Reaction, &BTreeSet<UserId>)| ReactionCount {
            reaction: reaction.clone(),
            count: users.len() as u64,
            mine: users.contains(viewer),
        };
        MessageState { reactions: reactions.into_iter().map(count).collect(), ..self.state.clone() }
    }
}
