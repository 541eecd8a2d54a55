//! The commands of a history that make events, grouped by what they ask for.

use std::collections::HashMap;

use super::{Command, Deed, Known};
use crate::history::{Record, What};

/// All attempts at all commands.
pub(crate) struct Commands<'a> {
    /// The attempts by room, user and deed.
    tries: HashMap<(u64, &'a str, Deed<'a>), Attempts>,
    /// The first sender, by room and text.
    senders: HashMap<(u64, &'a str), usize>,
    /// The deeds that were asked for with a key, by room, user and key; more than one if a key was used wrongly.
    keys: HashMap<(u64, &'a str, &'a str), Vec<Deed<'a>>>,
    /// The first deletion of each message that may have been done, by room and number.
    deletions: HashMap<(u64, u64), u64>,
}

/// All attempts at one command.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// The place of the first attempt.
    pub(crate) first: usize,
    pub(crate) first_began: u64,
    /// The places of all attempts.
    pub(crate) places: Vec<usize>,
    /// Whether one of them may have been done.
    pub(crate) may_exist: bool,
}

impl<'a> Commands<'a> {
    pub(crate) fn new(records: &'a [Record]) -> Self {
        let mut commands =
            Self { tries: HashMap::new(), senders: HashMap::new(), keys: HashMap::new(), deletions: HashMap::new() };
        for (place, record) in records.iter().enumerate() {
            let Some(command) = Command::of(record) else { continue };
            commands.add(place, record, &command);
        }
        commands
    }

    fn add(&mut self, place: usize, record: &'a Record, command: &Command<'a>) {
        let Command { room, key, deed, is_refused, .. } = *command;
        let user = record.user.as_str();
        let attempts = self.tries.entry((room, user, deed)).or_insert_with(|| Attempts {
            first: place,
            first_began: record.began,
            places: Vec::new(),
            may_exist: false,
        });
        if record.began < attempts.first_began {
            (attempts.first, attempts.first_began) = (place, record.began);
        }
        attempts.places.push(place);
        attempts.may_exist |= !is_refused;
        let deeds = self.keys.entry((room, user, key)).or_default();
        if !deeds.contains(&deed) {
            deeds.push(deed);
        }
        match deed {
            Deed::Send { body, .. } => {
                self.senders.entry((room, body)).or_insert(place);
            }
            Deed::Delete { target, .. } if !is_refused => {
                let first = self.deletions.entry((room, target)).or_insert(record.began);
                *first = record.began.min(*first);
            }
            _ => {}
        }
    }

    /// The attempts at one command.
    pub(crate) fn of<'s>(&'s self, room: u64, user: &'s str, deed: Deed<'s>) -> Option<&'s Attempts> {
        self.tries.get(&(room, user, deed))
    }

    /// The attempts at what made an event. Of one whose text is not known only the key tells, and the first of those that may have
    /// been done: others were answered when nobody could compare them any more.
    pub(crate) fn causing<'s>(&'s self, room: u64, user: &'s str, known: Known<'s>) -> Option<&'s Attempts> {
        if let Some(deed) = known.deed() {
            return self.of(room, user, deed);
        }
        let deeds = self.keys.get(&(room, user, known.key()?))?;
        let like = deeds.iter().filter(|deed| known.may_be(**deed));
        let all = like.filter_map(|deed| self.of(room, user, *deed));
        all.min_by_key(|attempts| (!attempts.may_exist, attempts.first_began))
    }

    /// The command that comes closest to an event that nobody caused: one with the same text or the same key.
    pub(crate) fn like(&self, room: u64, user: &str, known: Known<'_>) -> Option<usize> {
        let by_text = match known.deed() {
            Some(Deed::Send { body, .. }) => self.senders.get(&(room, body)).copied(),
            _ => None,
        };
        let by_key = || {
            let deed = self.keys.get(&(room, user, known.key()?))?.first()?;
            Some(self.of(room, user, *deed)?.first)
        };
        by_text.or_else(by_key)
    }

    /// When the first deletion of a message began that may have been done.
    pub(crate) fn first_deletion(&self, room: u64, target: u64) -> Option<u64> {
        self.deletions.get(&(room, target)).copied()
    }

    /// Whether this command made its event, if any did: no other attempt overlaps it or came before it.
    pub(crate) fn is_sole(&self, records: &[Record], place: usize) -> bool {
        let record = &records[place];
        let Some(command) = Command::of(record).filter(|command| !command.is_replayed) else { return false };
        let Some(attempts) = self.of(command.room, &record.user, command.deed) else { return false };
        let end = record.ended.unwrap_or(u64::MAX);
        // Two attempts have an order only if one ended before the other began. Then the first one made the event.
        let overlaps = |other: &usize| *other != place && records[*other].began <= end;
        !matches!(attempts.places.len(), 65..) && !attempts.places.iter().any(overlaps)
    }

    /// Whether a command was given only once.
    pub(crate) fn is_only(&self, room: u64, user: &str, deed: Deed<'_>) -> bool {
        self.of(room, user, deed).is_some_and(|attempts| attempts.places.len() == 1)
    }

    /// What a send with this key said, if only one did.
    pub(crate) fn sent(&self, records: &'a [Record], room: u64, user: &str, key: &str) -> Option<&'a What> {
        let [deed] = self.keys.get(&(room, user, key))?.as_slice() else { return None };
        Some(&records[self.of(room, user, *deed)?.first].what)
    }
}
