//! What replaying a room's events gives for its messages, so that it can be compared with what is served; and the laws that each
//! event has to keep where it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Checked, Promise, hold};
use crate::{Body, Event, EventKind, Mark, Message, MessageState, Reaction, Seq, UserId, testing::Timeline};

/// The messages of a room as they are.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Conversation {
    timeline: Timeline,
    /// How many there were that count.
    count: u64,
    /// Whom each has mentioned at any time.
    ever_mentioned: BTreeMap<Seq, BTreeSet<UserId>>,
}

impl Conversation {
    /// Takes in the next event of the log, which has to make sense where it stands.
    pub(super) fn apply(&mut self, event: &Event) -> Checked {
        match &event.kind {
            EventKind::Message(message) => self.check_message(event, message)?,
            EventKind::MessageEdited(edit) => {
                self.own(event, edit.target)?;
                let count = self.edits(edit.target).len() as u64 + 1;
                hold(edit.count == count, Promise::Fold, || format!("event {} is edit {count}: {edit:?}", event.seq))?;
                self.mentions(edit.target, &edit.body);
            }
            EventKind::MessageDeleted { target, .. } => drop(self.living(event, *target)?),
            EventKind::Reaction { target, reaction, added, count } => {
                self.living(event, *target)?;
                self.check_reaction(event, (*target, reaction, *added), *count)?;
            }
            EventKind::Pin { target, pinned } => {
                let news = self.living(event, *target)?.pinned != *pinned;
                hold(news, Promise::Fold, || format!("event {} pins what is pinned", event.seq))?;
            }
            EventKind::Member(_) | EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => {}
        }
        self.timeline.apply(event);
        Ok(())
    }

    fn check_message(&mut self, event: &Event, message: &Message) -> Checked {
        let body = &message.body;
        let mut thread_ordinal = None;
        if let Some(root) = body.thread {
            let Some(root) = self.timeline.state(root) else {
                return Err(Broken::new(Promise::Fold, format!("event {} is in a thread of nothing", event.seq)));
            };
            let last = root.thread_last.and_then(|last| self.timeline.state(last));
            thread_ordinal = Some(last.and_then(|last| last.message.thread_ordinal).unwrap_or_default() + 1);
        } else {
            self.count += 1;
        }
        hold(body.reply_to.is_none_or(|to| self.has(to)), Promise::Fold, || {
            format!("event {} replies to nothing", event.seq)
        })?;
        let numbers = (message.ordinal, message.thread_ordinal);
        hold(numbers == (self.count, thread_ordinal), Promise::Fold, || {
            format!("message {} is number {} ({thread_ordinal:?}), but says {numbers:?}", event.seq, self.count)
        })?;
        self.mentions(event.seq, body);
        Ok(())
    }

    fn check_reaction(&self, event: &Event, (target, reaction, added): (Seq, &Reaction, bool), count: u64) -> Checked {
        let Some(user) = event.actor.as_ref().map(|actor| &actor.id) else {
            return Err(Broken::new(Promise::Fold, format!("event {} is a reaction of nobody's", event.seq)));
        };
        let reactors = self.timeline.reactors(target).unwrap_or_default();
        let mut users: BTreeSet<_> =
            reactors.iter().filter(|reactor| reactor.reaction == *reaction).map(|reactor| &reactor.user.id).collect();
        let news = if added { users.insert(user) } else { users.remove(user) };
        hold(news && count == users.len() as u64, Promise::Fold, || {
            let now = users.len();
            format!("event {} says {count} users have {reaction}, but they are {now} (news: {news})", event.seq)
        })
    }

    /// A message that is to be changed: it is there, and was not deleted.
    fn living(&self, event: &Event, target: Seq) -> Result<&MessageState, Broken> {
        let broken = |what| Broken::new(Promise::Fold, format!("event {} changes {target}, which {what}", event.seq));
        match self.timeline.state(target) {
            None => Err(broken("is no message")),
            Some(state) if state.deleted.is_some() => Err(broken("was deleted")),
            Some(state) => Ok(state),
        }
    }

    /// Such a message, and its author changes it.
    fn own(&self, event: &Event, target: Seq) -> Checked {
        let author = author(self.living(event, target)?);
        let by_author = event.actor.as_ref().map(|actor| &actor.id) == author;
        hold(by_author, Promise::Fold, || format!("event {} edits another's message", event.seq))
    }

    fn mentions(&mut self, seq: Seq, body: &Body) {
        self.ever_mentioned.entry(seq).or_default().extend(body.mentions.iter().cloned());
    }

    /// Whether there is such a message.
    pub(super) fn has(&self, seq: Seq) -> bool {
        self.timeline.state(seq).is_some()
    }

    /// Who wrote a message.
    pub(super) fn author(&self, seq: Seq) -> Option<&UserId> {
        author(self.timeline.state(seq)?)
    }

    /// Whether a message mentions everyone.
    pub(super) fn mentions_room(&self, seq: Seq) -> bool {
        self.timeline.state(seq).is_some_and(|state| state.message.body.mentions_room)
    }

    /// The event that deleted a message.
    pub(super) fn deletion(&self, seq: Seq) -> Option<Seq> {
        Some(self.timeline.state(seq)?.deleted.as_ref()?.seq)
    }

    /// The edits of a message.
    pub(super) fn edits(&self, seq: Seq) -> Vec<Seq> {
        let versions = self.timeline.versions(seq).unwrap_or_default();
        versions.iter().skip(1).map(|version| version.seq).collect()
    }

    /// Whether a user was ever mentioned by a message of another's.
    pub(in crate::testing::world) fn may_notify(&self, seq: Seq, user: &UserId) -> bool {
        self.ever_mentioned.get(&seq).is_some_and(|mentioned| mentioned.contains(user))
            && self.author(seq) != Some(user)
    }

    /// Whether a message with this body has its place, going by what was acknowledged up to `floor`.
    pub(super) fn takes(&self, body: &Body, floor: Seq) -> bool {
        let thread = |seq: Seq| Some(self.timeline.state(seq).filter(|_| seq <= floor)?.message.body.thread);
        let root_fits = body.thread.is_none_or(|root| thread(root) == Some(None));
        let reply_fits = body.reply_to.is_none_or(|to| {
            thread(to).is_some_and(|of| body.thread.is_none() || Some(to) == body.thread || of == body.thread)
        });
        root_fits && reply_fits
    }

    /// The messages of the room, or of a thread, as a user sees them.
    pub(super) fn page(&self, thread: Option<Seq>, viewer: &UserId) -> Vec<MessageState> {
        self.timeline.messages_in(thread, Some(viewer))
    }

    /// The messages that have a thread.
    pub(super) fn roots(&self) -> Vec<Seq> {
        self.timeline.states_from(Seq(0)).filter(|state| state.thread_last.is_some()).map(|state| state.seq).collect()
    }

    /// What is unread beyond a mark, counted one by one: messages, and mentions.
    pub(super) fn unread(&self, user: &UserId, mark: Mark) -> (u64, u64) {
        let beyond = self.timeline.states_from(mark.seq.next());
        let others = beyond.filter(|state| state.deleted.is_none() && author(state) != Some(user));
        let (mut unread, mut mentions) = (0, 0);
        for state in others {
            let body = &state.message.body;
            unread += u64::from(body.thread.is_none());
            mentions += u64::from(body.mentions_room || body.mentions.contains(user));
        }
        (unread, mentions)
    }
}

fn author(state: &MessageState) -> Option<&UserId> {
    state.actor.as_ref().map(|actor| &actor.id)
}
