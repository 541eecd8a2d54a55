//! The index of a history, which all checks share.

mod log;
mod sends;
mod subscriptions;
mod timeline;

use std::collections::{BTreeMap, HashMap};

pub(crate) use self::{
    log::{Content, Entry, Log, Mark, content},
    sends::Sends,
    subscriptions::{Ending, Subscription, Unexpected},
    timeline::Timeline,
};
use crate::history::{Outcome, Record, What};

/// A history with its indexes.
pub(crate) struct Index<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) timeline: Timeline<'a>,
    /// The places of each connection's records, in the order in which the connection saw them.
    pub(crate) connections: BTreeMap<u64, Vec<usize>>,
    pub(crate) subscriptions: Vec<Subscription<'a>>,
    /// What was received of rooms that the connection was not attached to.
    pub(crate) unexpected: Vec<Unexpected>,
    pub(crate) sends: Sends<'a>,
    /// The log of each room and epoch, as far as it was seen.
    pub(crate) logs: BTreeMap<(u64, &'a str), Log<'a>>,
    /// For each room the first deletion that may have been done.
    pub(crate) deletions: HashMap<u64, usize>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(records: &'a [Record]) -> Self {
        let timeline = Timeline::new(records);
        let mut connections = BTreeMap::<u64, Vec<usize>>::new();
        let mut deletions = HashMap::new();
        for (place, record) in records.iter().enumerate() {
            if !matches!(record.what, What::Phase { .. } | What::Stored { .. }) {
                connections.entry(record.connection).or_default().push(place);
            }
            if let What::Delete { room, result } = &record.what
                && !result.is_refused()
            {
                let first = deletions.entry(*room).or_insert(place);
                if record.began < records[*first].began {
                    *first = place;
                }
            }
        }
        let (subscriptions, unexpected) = subscriptions::all(records, &connections);
        let logs = log::all(records, &timeline, &subscriptions);
        Self { records, timeline, connections, subscriptions, unexpected, sends: Sends::new(records), logs, deletions }
    }

    /// Whether a deletion of the room may have begun by then.
    pub(crate) fn may_be_deleted(&self, room: u64, by: u64) -> bool {
        self.deletions.get(&room).is_some_and(|place| self.records[*place].began <= by)
    }

    /// The log that a record without an epoch refers to, if only one is possible.
    pub(crate) fn log_at(&self, room: u64, record: &Record) -> Option<&Log<'a>> {
        self.logs.get(&(room, self.timeline.epoch_of(record)?))
    }

    /// The acknowledged sends, each with its number.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (usize, u64)> {
        self.records.iter().enumerate().filter_map(|(place, record)| match &record.what {
            What::Send { result: Outcome::Ok(sent), .. } => Some((place, sent.seq)),
            _ => None,
        })
    }
}
