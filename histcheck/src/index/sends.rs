//! The sends of a history, grouped by message.

use std::collections::HashMap;

use crate::history::{Outcome, Record, What};

/// All attempts at sending all messages.
pub(crate) struct Sends<'a> {
    /// The attempts by room, sender and text; a text is unique for each key.
    tries: HashMap<(u64, &'a str, &'a str), Attempts>,
    /// The first sender, by room and text.
    senders: HashMap<(u64, &'a str), usize>,
    /// The first attempt, by room, sender and key.
    keys: HashMap<(u64, &'a str, &'a str), usize>,
}

/// All attempts at sending one message.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// The place of the first attempt.
    pub(crate) first: usize,
    pub(crate) first_began: u64,
    /// The places of all attempts.
    pub(crate) places: Vec<usize>,
    /// Whether one of them may have stored the message.
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

    /// The attempts at sending one message.
    pub(crate) fn of<'s>(&'s self, room: u64, sender: &'s str, body: &'s str) -> Option<&'s Attempts> {
        self.tries.get(&(room, sender, body))
    }

    /// The send that comes closest to a message that nobody sent: one with the same text or the same key.
    pub(crate) fn like(&self, room: u64, sender: &str, key: Option<&str>, body: &str) -> Option<usize> {
        let by_key = || self.keys.get(&(room, sender, key?));
        self.senders.get(&(room, body)).or_else(by_key).copied()
    }

    /// Whether this send made the message, if any did: no other attempt overlaps it or came before it.
    pub(crate) fn is_sole(&self, records: &[Record], place: usize) -> bool {
        let record = &records[place];
        let What::Send { room, body, result, .. } = &record.what else { return false };
        if matches!(result, Outcome::Ok(sent) if sent.replayed) {
            return false;
        }
        let Some(attempts) = self.of(*room, &record.user, body) else { return false };
        let end = record.ended.unwrap_or(u64::MAX);
        // Two attempts have an order only if one ended before the other began. Then the first one made the message.
        let overlaps = |other: &usize| *other != place && records[*other].began <= end;
        !matches!(attempts.places.len(), 65..) && !attempts.places.iter().any(overlaps)
    }
    /// Whether a message was sent only once.
    pub(crate) fn is_only(&self, room: u64, sender: &str, body: &str) -> bool {
        self.of(room, sender, body).is_some_and(|attempts| attempts.places.len() == 1)
    }
}
