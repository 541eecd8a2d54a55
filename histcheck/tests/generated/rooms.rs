//! A room of a server that keeps its promises, unless it has a bug. It keeps what is served up to date with each event;
//! the checker folds the log instead.

use std::collections::{BTreeMap, HashMap};

use histcheck::history::{
    Change, Content, Deletion, Edited, Event, Kind, LastEdit, Mark, Message, Reacted, Reactions, Revision, State,
};

use crate::bugs::Bug;

/// A room.
#[derive(Default)]
pub(crate) struct Room {
    /// Its log, with what was deleted erased.
    pub(crate) log: Vec<Event>,
    pub(crate) messages: BTreeMap<u64, Live>,
    /// The pinned messages, the newest pin first.
    pub(crate) pins: Vec<u64>,
    /// The marks by user.
    pub(crate) marks: BTreeMap<String, u64>,
    /// The numbers of the events by user and key.
    keys: HashMap<(String, String), u64>,
    threads: HashMap<u64, u64>,
}

/// A message as it is.
pub(crate) struct Live {
    state: State,
    reacted: Vec<Reacted>,
}

/// What becomes of a change.
pub(crate) enum Judged {
    Event(Kind),
    Replay(u64),
    Nothing,
    Refused(&'static str),
}

impl Room {
    pub(crate) fn head(&self) -> u64 {
        self.log.len() as u64
    }

    /// The number that was given to a key.
    pub(crate) fn known(&self, user: &str, key: &str) -> Option<u64> {
        self.keys.get(&(user.to_owned(), key.to_owned())).copied()
    }

    /// The event with a number.
    pub(crate) fn event(&self, seq: u64) -> Event {
        self.log[usize::try_from(seq).unwrap() - 1].clone()
    }

    /// The next place in a thread.
    pub(crate) fn next_in(&self, root: u64, bug: Option<Bug>) -> u64 {
        let last = self.threads.get(&root).copied().unwrap_or_default();
        match bug {
            Some(Bug::ThreadHole) if last == 1 => 3,
            Some(Bug::ThreadRepeat) if last == 2 => 2,
            _ => last + 1,
        }
    }

    pub(crate) fn judge(&self, user: &str, key: &str, target: u64, change: &Change, bug: Option<Bug>) -> Judged {
        if let Some(seq) = self.known(user, key).filter(|_| bug != Some(Bug::KeyForgotten)) {
            return Judged::Replay(seq);
        }
        let Some(live) = self.messages.get(&target) else { return Judged::Refused("message_not_found") };
        let (by, key) = (user.to_owned(), (bug != Some(Bug::KeyNotTold)).then(|| key.to_owned()));
        let is_own = live.state.message.sender == user || bug == Some(Bug::EditByOthers);
        let is_mine = matches!(change, Change::Edit { .. } | Change::Delete { .. });
        if is_mine && !is_own {
            return Judged::Refused("forbidden");
        }
        if live.state.deleted.is_some() && bug != Some(Bug::DeletedChanged) {
            let is_deletion = matches!(change, Change::Delete { .. });
            return if is_deletion { Judged::Nothing } else { Judged::Refused("message_deleted") };
        }
        let kind = match change {
            Change::Delete { reason } => Kind::MessageDeleted { by, key, target, reason: reason.clone() },
            Change::Edit { body, mentions, mentions_room, meta } => {
                let now = live.state.message.content.clone();
                let content = Content {
                    body: body.clone(),
                    mentions: mentions.clone().unwrap_or(now.mentions),
                    mentions_room: mentions_room.unwrap_or(now.mentions_room),
                    meta: meta.clone().or(now.meta),
                };
                if content == live.state.message.content {
                    return Judged::Nothing;
                }
                Kind::MessageEdited(Edited { by, key, target, content, erased: false })
            }
            Change::React { reaction, added } => {
                let has = live.reacted.iter().any(|one| one.user == user && one.reaction == *reaction);
                if has == *added && bug != Some(Bug::ReactedTwice) {
                    return Judged::Nothing;
                }
                let before = live.reacted.iter().filter(|one| one.reaction == *reaction).count() as u64;
                let after = if *added { before + 1 } else { before.saturating_sub(1) };
                let count = if bug == Some(Bug::CountBefore) { before } else { after };
                Kind::Reaction { by, key, target, reaction: reaction.clone(), added: *added, count }
            }
            Change::Pin { pinned } => {
                if live.state.pinned == *pinned && bug != Some(Bug::PinnedTwice) {
                    return Judged::Nothing;
                }
                Kind::Pin { by, key, target, pinned: *pinned }
            }
        };
        Judged::Event(kind)
    }

    /// Stores an event, and brings everything up to date.
    pub(crate) fn store(&mut self, kind: Kind, bug: Option<Bug>) -> Event {
        let event = Event::new(self.head() + 1, kind);
        if let (Some(user), Some(key)) = (event.kind.author(), event.kind.key()) {
            self.keys.insert((user.to_owned(), key.to_owned()), event.seq);
        }
        self.log.push(event.clone());
        match &event.kind {
            Kind::Message(message) => self.add(event.seq, message, bug),
            Kind::MessageEdited(edited) => self.edit(event.seq, edited),
            Kind::MessageDeleted { by, target, .. } => self.delete(event.seq, *target, by, bug),
            Kind::Reaction { by, target, reaction, added, count, .. } => {
                self.react(*target, &Reacted { reaction: reaction.clone(), user: by.clone() }, *added, *count);
            }
            Kind::Pin { target, pinned, .. } => {
                self.live(*target).state.pinned = *pinned;
                self.pins.retain(|pin| pin != target);
                if *pinned {
                    self.pins.insert(0, *target);
                }
            }
            Kind::Member(_) | Kind::RoomUpdated { .. } | Kind::RoomDeleted => {}
        }
        event
    }

    fn live(&mut self, target: u64) -> &mut Live {
        self.messages.get_mut(&target).unwrap()
    }

    fn add(&mut self, seq: u64, message: &Message, bug: Option<Bug>) {
        match message.thread {
            Some(root) => {
                self.threads.insert(root, message.thread_ordinal.unwrap());
                let state = &mut self.live(root).state;
                state.thread_count = Some(state.thread_count.unwrap_or_default() + 1);
                state.thread_last = Some(seq);
            }
            None if bug != Some(Bug::MarkForgotten) => {
                self.marks.insert(message.sender.clone(), seq);
            }
            None => {}
        }
        let state = State { seq, message: message.clone(), ..State::default() };
        self.messages.insert(seq, Live { state, reacted: Vec::new() });
    }

    fn edit(&mut self, seq: u64, edited: &Edited) {
        let state = &mut self.live(edited.target).state;
        let count = state.edited.map_or(0, |edit| edit.count) + 1;
        state.edited = Some(LastEdit { seq, count });
        state.message.content = edited.content.clone();
    }

    fn delete(&mut self, seq: u64, target: u64, by: &str, bug: Option<Bug>) {
        for event in &mut self.log {
            match &mut event.kind {
                Kind::Message(message) if event.seq == target && bug != Some(Bug::TextKept) => {
                    (message.content, message.erased) = (Content::default(), true);
                }
                Kind::MessageEdited(edited) if edited.target == target && bug != Some(Bug::EditKept) => {
                    (edited.content, edited.erased) = (Content::default(), true);
                }
                _ => {}
            }
        }
        self.pins.retain(|pin| *pin != target);
        let live = self.live(target);
        live.reacted.clear();
        if bug != Some(Bug::TombstoneKeepsText) {
            live.state.message.content = Content::default();
        }
        live.state.pinned = false;
        live.state.deleted = Some(Deletion { seq, by: by.to_owned() });
        if let Some(root) = live.state.message.thread {
            let count = &mut self.live(root).state.thread_count;
            *count = count.map(|count| count - 1);
        }
    }

    fn react(&mut self, target: u64, one: &Reacted, added: bool, count: u64) {
        let live = self.live(target);
        live.reacted.retain(|other| other != one);
        if added {
            live.reacted.push(one.clone());
        }
        let place = live.state.reactions.iter().position(|kind| kind.reaction == one.reaction);
        let kind = Reactions { reaction: one.reaction.clone(), count, mine: false };
        match place {
            Some(place) if live.reacted.iter().any(|other| other.reaction == one.reaction) => {
                live.state.reactions[place] = kind;
            }
            Some(place) => drop(live.state.reactions.remove(place)),
            None => live.state.reactions.push(kind),
        }
    }

    /// A message as this user sees it.
    pub(crate) fn state(&self, seq: u64, user: &str) -> State {
        let live = &self.messages[&seq];
        let mut state = live.state.clone();
        if state.deleted.is_some() {
            state.reactions.clear();
        }
        for kind in &mut state.reactions {
            kind.mine = live.reacted.iter().any(|one| one.user == user && one.reaction == kind.reaction);
        }
        state
    }

    /// The numbers of the messages of the room's history.
    pub(crate) fn history(&self, bug: Option<Bug>) -> Vec<u64> {
        let is_there =
            |(_, live): &(&u64, &Live)| live.state.message.thread.is_none() || bug == Some(Bug::ThreadInHistory);
        self.messages.iter().filter(is_there).map(|(seq, _)| *seq).collect()
    }

    /// The numbers of the messages of a thread.
    pub(crate) fn thread(&self, root: u64) -> Vec<u64> {
        let all = self.messages.iter();
        all.filter(|(_, live)| live.state.message.thread == Some(root)).map(|(seq, _)| *seq).collect()
    }

    pub(crate) fn revisions(&self, target: u64) -> Vec<Revision> {
        let text = |event: &Event| match &event.kind {
            Kind::Message(message) if event.seq == target => Some(message.content.body.clone()),
            Kind::MessageEdited(edited) if edited.target == target => Some(edited.content.body.clone()),
            _ => None,
        };
        self.log.iter().filter_map(|event| Some(Revision { seq: event.seq, body: text(event)? })).collect()
    }

    pub(crate) fn reacted(&self, target: u64) -> Vec<Reacted> {
        self.messages[&target].reacted.clone()
    }

    /// A user's mark, and what is beyond it.
    pub(crate) fn mark(&self, user: &str, bug: Option<Bug>) -> Mark {
        let seq = self.marks.get(user).copied().unwrap_or_default();
        let beyond = |own: bool, deleted: bool, thread: bool| {
            let states = self.messages.range(seq + 1..).map(|(_, live)| &live.state);
            states.filter(move |state| {
                (own || state.message.sender != user)
                    && (deleted || state.deleted.is_none())
                    && (thread || state.message.thread.is_none())
            })
        };
        let (own, thread) = (bug == Some(Bug::UnreadCountsOwn), bug == Some(Bug::UnreadCountsThreads));
        let unread = beyond(own, bug == Some(Bug::UnreadCountsDeleted), thread).count() as u64;
        let mentions = beyond(false, false, true).filter(|state| state.message.content.mentions(user)).count() as u64;
        let sent_so = |state: &&State| match &self.event(state.seq).kind {
            Kind::Message(message) => message.content.mentions(user),
            _ => false,
        };
        let as_sent = beyond(false, false, true).filter(sent_so).count() as u64;
        let mentions = if bug == Some(Bug::MentionsAsSent) { as_sent } else { mentions };
        Mark { seq, unread, mentions, ordinal: self.history(None).len() as u64 }
    }
}
