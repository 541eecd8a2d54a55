//! A room's messages as its events tell them, one after the other: what each read of state has to show. It is written by itself,
//! and shares nothing with the stores.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Body, Deleted, Edited, Event, EventKind, Identity, MessageState, MessageVersion, Reaction, ReactionCount, Reactor,
    Seq, UserId,
};

/// What the events of a room's log make of its messages. It is fed from the first event on; of what happens to a message that it
/// was not told, it takes no notice.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    head: Seq,
    messages: BTreeMap<Seq, Told>,
}

/// What was told of a message.
#[derive(Debug, Clone)]
struct Told {
    /// Without its reactions.
    state: MessageState,
    versions: Vec<MessageVersion>,
    /// Who reacted to it, by the events.
    reactors: BTreeMap<Seq, Reactor>,
    /// The events that made each reaction more than none.
    since: BTreeMap<Reaction, Seq>,
    pinned_by: Option<Seq>,
}

impl Timeline {
    /// What these events make, which are in order.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.apply(event);
        }
        timeline
    }

    /// The next event.
    pub fn apply(&mut self, event: &Event) {
        self.head = event.seq;
        if let Some(state) = MessageState::of(event.clone()) {
            if let Some(root) = self.root(state.message.body.thread) {
                root.thread_count += 1;
                root.thread_last = Some(event.seq);
            }
            let versions = MessageVersion::of(event).into_iter().collect();
            let (reactors, since) = (BTreeMap::new(), BTreeMap::new());
            self.messages.insert(event.seq, Told { state, versions, reactors, since, pinned_by: None });
        }
        let Some(told) = event.target().and_then(|target| self.messages.get_mut(&target)) else { return };
        told.change(event);
        let thread = told.state.message.body.thread;
        if let (EventKind::MessageDeleted { .. }, Some(root)) = (&event.kind, self.root(thread)) {
            root.thread_count -= 1;
        }
    }

    /// The message that began a thread.
    fn root(&mut self, thread: Option<Seq>) -> Option<&mut MessageState> {
        self.messages.get_mut(&thread?).map(|told| &mut told.state)
    }

    /// The newest event.
    #[must_use]
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// A message as it is, as `viewer` sees it.
    #[must_use]
    pub fn message(&self, seq: Seq, viewer: Option<&UserId>) -> Option<MessageState> {
        self.messages.get(&seq).map(|told| told.seen_by(viewer))
    }

    /// The messages of the room itself, oldest first.
    #[must_use]
    pub fn history(&self, viewer: Option<&UserId>) -> Vec<MessageState> {
        self.messages_in(None, viewer)
    }

    /// The messages of a thread, oldest first, without its root.
    #[must_use]
    pub fn thread(&self, root: Seq, viewer: Option<&UserId>) -> Vec<MessageState> {
        self.messages_in(Some(root), viewer)
    }

    /// Who has written in a thread, and who began it, by id.
    #[must_use]
    pub fn thread_users(&self, root: Seq) -> BTreeSet<UserId> {
        let of_thread = |told: &&Told| told.state.seq == root || told.state.message.body.thread == Some(root);
        let users = self.messages.values().filter(of_thread).filter_map(|told| told.state.actor.as_ref());
        users.map(|user| user.id.clone()).collect()
    }

    /// The pinned messages, those first that were pinned last.
    #[must_use]
    pub fn pins(&self, viewer: Option<&UserId>) -> Vec<MessageState> {
        let pins = self.messages.values().filter_map(|told| Some((told.pinned_by?, told.state.seq)));
        let pins: BTreeMap<_, _> = pins.collect();
        pins.into_values().rev().filter_map(|seq| self.message(seq, viewer)).collect()
    }

    /// What a message has said.
    #[must_use]
    pub fn versions(&self, seq: Seq) -> Option<Vec<MessageVersion>> {
        self.messages.get(&seq).map(|told| told.versions.clone())
    }

    /// Who reacted to a message, oldest first.
    #[must_use]
    pub fn reactors(&self, seq: Seq) -> Option<Vec<Reactor>> {
        self.messages.get(&seq).map(|told| told.reactors.values().cloned().collect())
    }

    /// The messages from a number on, without their reactions.
    pub(super) fn states_from(&self, seq: Seq) -> impl Iterator<Item = &MessageState> {
        self.messages.range(seq..).map(|(_, told)| &told.state)
    }

    /// A message without its reactions.
    pub(super) fn state(&self, seq: Seq) -> Option<&MessageState> {
        self.messages.get(&seq).map(|told| &told.state)
    }

    /// The messages of the room itself or of a thread, oldest first.
    pub(super) fn messages_in(&self, thread: Option<Seq>, viewer: Option<&UserId>) -> Vec<MessageState> {
        let messages = self.messages.values().filter(|told| told.state.message.body.thread == thread);
        messages.map(|told| told.seen_by(viewer)).collect()
    }
}

impl Told {
    fn change(&mut self, event: &Event) {
        match &event.kind {
            EventKind::MessageEdited(edit) => {
                let Body { reply_to, thread, .. } = self.state.message.body;
                self.state.message.body = Body { reply_to, thread, ..edit.body.clone() };
                self.state.edited = Some(Edited { seq: event.seq, at: event.at, count: edit.count });
                self.versions.extend(MessageVersion::of(event));
            }
            EventKind::MessageDeleted { .. } => {
                let message = &mut self.state.message;
                (message.body, message.erased) = (message.body.erased(), true);
                self.state.deleted = Some(Deleted { seq: event.seq, at: event.at, actor: event.actor.clone() });
                self.versions.iter_mut().for_each(|version| version.content.clear());
                self.reactors.clear();
                self.since.clear();
                self.pin(None);
            }
            EventKind::Reaction { reaction, added, .. } => {
                if let Some(user) = &event.actor {
                    self.react(event, user, reaction, *added);
                }
            }
            EventKind::Pin { pinned, .. } => self.pin(pinned.then_some(event.seq)),
            EventKind::Message(_) | EventKind::Member(_) | EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => {}
        }
    }

    const fn pin(&mut self, by: Option<Seq>) {
        self.pinned_by = by;
        self.state.pinned = by.is_some();
    }

    fn react(&mut self, event: &Event, user: &Identity, reaction: &Reaction, added: bool) {
        self.reactors.retain(|_, reactor| reactor.reaction != *reaction || reactor.user.id != user.id);
        if added {
            self.since.entry(reaction.clone()).or_insert(event.seq);
            let reactor = Reactor { reaction: reaction.clone(), user: user.clone(), at: event.at };
            self.reactors.insert(event.seq, reactor);
        } else if self.reactors.values().all(|reactor| reactor.reaction != *reaction) {
            self.since.remove(reaction);
        }
    }

    fn seen_by(&self, viewer: Option<&UserId>) -> MessageState {
        MessageState { reactions: self.reactions(viewer), ..self.state.clone() }
    }

    fn reactions(&self, viewer: Option<&UserId>) -> Vec<ReactionCount> {
        let by_first_use: BTreeMap<_, _> = self.since.iter().map(|(reaction, since)| (since, reaction)).collect();
        let count = |reaction: &Reaction| {
            let users = self.reactors.values().filter(|reactor| reactor.reaction == *reaction);
            let users: Vec<_> = users.map(|reactor| &reactor.user.id).collect();
            let mine = viewer.is_some_and(|viewer| users.contains(&viewer));
            ReactionCount { reaction: reaction.clone(), count: users.len() as u64, mine }
        };
        by_first_use.into_values().map(count).collect()
    }
}
