//! The sends of a history, by what they were to make.

use std::collections::HashMap;

use crate::history::{Outcome, Record, What};

/// All tries of all messages.
pub(crate) struct Sends<'a> {
    /// By room, sender and text, which is unique for each key.
    tries: HashMap<(u64, &'a str, &'a str), Attempts>,
    /// By room and text: whoever sent it first.
    senders: HashMap<(u64, &'a str), usize>,
    /// By room, sender and key: the first try.
    keys: HashMap<(u64, &'a str, &'a str), usize>,
}

/// All tries of one message.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// The place of the first one.
    pub(crate) first: usize,
    pub(crate) first_began: u64,
    /// All of them.
    pub(crate) places: Vec<usize>,
    /// Whether one of them may have stored it.
    pub(crate) may_exist: bool,
}

impl<'a> Sends<'a> {
    pub(crate) fn new(records: &'a [Record]) -> Self {
        let mut sends = Self { tries: HashMap::new(), senders: HashMap::new(), keys: HashMap::new() };
        for (place, record) in records.iter().enumerate() {
            let What::Send { room, key, body, result } = &record.what else { continue };
            let attempts = sends.tries.entry((*room, &record.user, body)).or_insert_with(|| Attempts {
                first: place,
                first_began: record.began,
                places: Vec::new(),
                may_exist: false,
            });
            if record.began < attempts.first_began {
                (attempts.first, attempts.first_began) = (place, record.began);
            }
            attempts.places.push(place);
            attempts.may_exist |= !result.is_refused();
            sends.senders.entry((*room, body)).or_insert(place);
            sends.keys.entry((*room, &record.user, key)).or_insert(place);
        }
        sends
    }

    /// The tries of one message.
    pub(crate) fn of<'s>(&'s self, room: u64, sender: &'s str, body: &'s str) -> Option<&'s Attempts> {
        self.tries.get(&(room, sender, body))
    }

    /// A send that comes nearest to a message that nobody sent: of the same text, or with the same key.
    pub(crate) fn like(&self, room: u64, sender: &str, key: Option<&str>, body: &str) -> Option<usize> {
        let by_key = || self.keys.get(&(room, sender, key?));
        self.senders.get(&(room, body)).or_else(by_key).copied()
    }

    /// Whether this send is the one that made the message, if any did: no other try overlaps it or came before it.
    pub(crate) fn is_sole(&self, records: &[Record], place: usize) -> bool {
        let record = &records[place];
        let What::Send { room, body, result, .. } = &record.what else { return false };
        if matches!(result, Outcome::Ok(sent) if sent.replayed) {
            return false;
        }
        let Some(attempts) = self.of(*room, &record.user, body) else { return false };
        let end = record.ended.unwrap_or(u64::MAX);
        // Two tries can be compared with one another only if each ended before the next began; the first is the maker.
        let overlaps = |other: &usize| *other != place && records[*other].began <= end;
        !matches!(attempts.places.len(), 65..) && !attempts.places.iter().any(overlaps)
    }
    /// Whether a message was tried only once.
    pub(crate) fn is_only(&self, room: u64, sender: &str, body: &str) -> bool {
        self.of(room, sender, body).is_some_and(|attempts| attempts.places.len() == 1)
    }
}
