//! What a log makes of its messages: their state at each head.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Known, Log};
use crate::history::{Content, Edited, Kind, Message, What};

/// The messages of a log, with everything that happened to them.
#[derive(Debug, Default)]
pub(crate) struct Fold<'a> {
    /// All messages that were seen, by number.
    pub(crate) messages: BTreeMap<u64, Folded<'a>>,
    /// The numbers of the messages of the room's history, in order.
    pub(crate) countable: Vec<u64>,
    /// The numbers of the messages of each thread, in order, by its root.
    pub(crate) threads: HashMap<u64, Vec<u64>>,
    /// The numbers of all changes that may change what is unread: edits and deletions, in order.
    pub(crate) rewritten: Vec<u64>,
}

/// A message, with everything that happened to it, in order.
#[derive(Debug)]
pub(crate) struct Folded<'a> {
    pub(crate) message: &'a Message,
    /// What it said when it was sent, if that is known.
    content: Option<&'a Content>,
    edits: Vec<(u64, Option<&'a Content>)>,
    deletions: Vec<(u64, &'a str)>,
    reactions: Vec<Reaction<'a>>,
    pins: Vec<(u64, bool)>,
}

#[derive(Debug, Clone, Copy)]
struct Reaction<'a> {
    seq: u64,
    user: &'a str,
    reaction: &'a str,
    added: bool,
}

/// A kind of reaction at some head: who has it, and the event that brought the first of them.
pub(crate) struct Group<'a> {
    pub(crate) reaction: &'a str,
    pub(crate) users: BTreeSet<&'a str>,
    since: u64,
}

impl<'a> Fold<'a> {
    /// Folds a log. `sent` finds what was sent with a key, for messages that were erased before anybody saw them.
    pub(super) fn new(log: &Log<'a>, sent: impl Fn(&'a str, &'a str) -> Option<&'a What>) -> Self {
        let mut fold = Self::default();
        for (seq, entry) in &log.entries {
            match entry.known {
                Known::Message { message, .. } => {
                    let by_key = || match sent(&message.sender, message.key.as_deref()?)? {
                        What::Send { content, .. } => Some(content),
                        _ => None,
                    };
                    fold.add(*seq, message, entry.known.content().or_else(by_key));
                }
                Known::Other(kind) => fold.change(*seq, kind, entry.known.content()),
                Known::Acknowledged { .. } => {}
            }
        }
        fold
    }

    fn add(&mut self, seq: u64, message: &'a Message, content: Option<&'a Content>) {
        match message.thread {
            Some(root) => self.threads.entry(root).or_default().push(seq),
            None => self.countable.push(seq),
        }
        let (edits, deletions, reactions, pins) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        self.messages.insert(seq, Folded { message, content, edits, deletions, reactions, pins });
    }

    fn change(&mut self, seq: u64, kind: &'a Kind, content: Option<&'a Content>) {
        let Some(folded) = kind.target().and_then(|target| self.messages.get_mut(&target)) else { return };
        match kind {
            Kind::MessageEdited(Edited { .. }) => folded.edits.push((seq, content)),
            Kind::MessageDeleted { by, .. } => folded.deletions.push((seq, by)),
            Kind::Reaction { by, reaction, added, .. } => {
                folded.reactions.push(Reaction { seq, user: by, reaction, added: *added });
            }
            Kind::Pin { pinned, .. } => folded.pins.push((seq, *pinned)),
            Kind::Message(_) | Kind::Member(_) | Kind::RoomUpdated { .. } | Kind::RoomDeleted => {}
        }
        if matches!(kind, Kind::MessageEdited(_) | Kind::MessageDeleted { .. }) {
            self.rewritten.push(seq);
        }
    }

    /// The numbers of the messages of the room's history from `from` to `until`, both included.
    pub(crate) fn history(&self, from: u64, until: u64) -> &[u64] {
        part(&self.countable, from, until)
    }

    /// The numbers of the messages of a thread from `from` to `until`, both included.
    pub(crate) fn thread(&self, root: u64, from: u64, until: u64) -> &[u64] {
        self.threads.get(&root).map_or(&[], |thread| part(thread, from, until))
    }

    /// The messages that are pinned at a head, the newest pin first.
    pub(crate) fn pinned(&self, head: u64) -> Vec<u64> {
        let pins = self.messages.range(..=head).filter_map(|(seq, folded)| Some((folded.pinned(head)?, *seq)));
        let mut pins: Vec<(u64, u64)> = pins.collect();
        pins.sort_unstable_by(|a, b| b.cmp(a));
        pins.into_iter().map(|(_, seq)| seq).collect()
    }

    /// How many messages the room's history has at a head.
    pub(crate) fn ordinal(&self, head: u64) -> u64 {
        self.countable.partition_point(|seq| *seq <= head) as u64
    }

    /// How many messages of the room's history a user has not read at a head, with the mark at `mark`.
    pub(crate) fn unread(&self, user: &str, mark: u64, head: u64) -> u64 {
        let is_unread = |seq: &&u64| {
            let folded = self.messages.get(*seq);
            folded.is_some_and(|folded| folded.message.sender != user && folded.deleted(head).is_none())
        };
        self.history(mark + 1, head).iter().filter(is_unread).count() as u64
    }

    /// How many messages mention a user at a head, and are beyond the mark; `None` if a content is not known.
    pub(crate) fn mentions(&self, user: &str, mark: u64, head: u64) -> Option<u64> {
        if mark >= head {
            return Some(0);
        }
        let mut count = 0;
        for (_, folded) in self.messages.range(mark + 1..=head) {
            if folded.message.sender != user && folded.deleted(head).is_none() {
                count += u64::from(folded.content(head)?.mentions(user));
            }
        }
        Some(count)
    }
}

impl<'a> Folded<'a> {
    /// What it says at a head, if that is known.
    pub(crate) fn content(&self, head: u64) -> Option<&'a Content> {
        self.edits_by(head).last().map_or(self.content, |(_, content)| *content)
    }

    /// Its edits up to a head: the number of the newest, and how many there are.
    pub(crate) fn edited(&self, head: u64) -> Option<(u64, u64)> {
        let edits = self.edits_by(head);
        Some((edits.last()?.0, edits.len() as u64))
    }

    /// The texts that it has had up to a head, each with its number; a text is `None` if it is not known.
    pub(crate) fn texts(&self, own: u64, head: u64) -> Vec<(u64, Option<&'a Content>)> {
        let edits = self.edits_by(head).iter().copied();
        [(own, self.content)].into_iter().chain(edits).collect()
    }

    fn edits_by(&self, head: u64) -> &[(u64, Option<&'a Content>)] {
        &self.edits[..self.edits.partition_point(|(seq, _)| *seq <= head)]
    }

    /// Its deletion, if it is deleted at a head.
    pub(crate) fn deleted(&self, head: u64) -> Option<(u64, &'a str)> {
        self.deletions.first().filter(|(seq, _)| *seq <= head).copied()
    }

    /// The number of the event that pinned it, if it is pinned at a head.
    pub(crate) fn pinned(&self, head: u64) -> Option<u64> {
        let last = self.pins.iter().rev().find(|(seq, _)| *seq <= head)?;
        (last.1 && self.deleted(head).is_none()).then_some(last.0)
    }

    /// Its reactions at a head, in the order of their first use.
    pub(crate) fn reactions(&self, head: u64) -> Vec<Group<'a>> {
        if self.deleted(head).is_some() {
            return Vec::new();
        }
        let mut groups = BTreeMap::<&str, Group<'a>>::new();
        for Reaction { seq, user, reaction, added } in self.reactions.iter().take_while(|one| one.seq <= head) {
            let empty = || Group { reaction, users: BTreeSet::new(), since: *seq };
            let group = groups.entry(reaction).or_insert_with(empty);
            if !added {
                group.users.remove(user);
                continue;
            }
            if group.users.is_empty() {
                group.since = *seq;
            }
            group.users.insert(user);
        }
        let mut groups: Vec<Group<'a>> = groups.into_values().filter(|group| !group.users.is_empty()).collect();
        groups.sort_by_key(|group| group.since);
        groups
    }

    /// The numbers of everything that happened to it after a head, in order.
    pub(crate) fn changes_after(&self, head: u64) -> Vec<u64> {
        let edits = self.edits.iter().map(|(seq, _)| *seq);
        let deletions = self.deletions.iter().map(|(seq, _)| *seq);
        let rest = self.reactions.iter().map(|one| one.seq).chain(self.pins.iter().map(|(seq, _)| *seq));
        let mut all: Vec<u64> = edits.chain(deletions).chain(rest).filter(|seq| *seq > head).collect();
        all.sort_unstable();
        all
    }
}

/// The numbers from `from` to `until` of a list in order.
fn part(numbers: &[u64], from: u64, until: u64) -> &[u64] {
    let first = numbers.partition_point(|seq| *seq < from);
    let end = numbers.partition_point(|seq| *seq <= until);
    &numbers[first.min(end)..end]
}
