//! The index of a history, which all checks share.

mod commands;
mod deed;
mod fold;
mod invites;
mod known;
mod log;
mod rights;
mod subscriptions;
mod timeline;

use std::collections::{BTreeMap, HashMap};

pub(crate) use self::{
    commands::Commands,
    deed::{Command, Deed},
    fold::{Fold, Folded},
    invites::{Accepted, Invite},
    known::Known,
    log::{Entry, Log, Mark},
    rights::{Rights, Standing, Until},
    subscriptions::{Ending, Subscription, Unexpected},
    timeline::Timeline,
};
use crate::history::{Kind, MemberChange, Outcome, Record, Step, What};

/// A history with its indexes.
pub(crate) struct Index<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) timeline: Timeline<'a>,
    /// The places of each connection's records, in the order in which the connection saw them.
    pub(crate) connections: BTreeMap<u64, Vec<usize>>,
    pub(crate) subscriptions: Vec<Subscription<'a>>,
    /// What was received of rooms that the connection was not attached to.
    pub(crate) unexpected: Vec<Unexpected>,
    pub(crate) commands: Commands<'a>,
    /// The log of each room and epoch, as far as it was seen.
    pub(crate) logs: BTreeMap<(u64, &'a str), Log<'a>>,
    /// What became of the messages of each of these logs.
    pub(crate) folds: BTreeMap<(u64, &'a str), Fold<'a>>,
    /// What users are in each of these logs, where it is known how the room began.
    pub(crate) rights: BTreeMap<(u64, &'a str), Rights<'a>>,
    /// All invites, by their codes.
    pub(crate) invites: HashMap<&'a str, Invite<'a>>,
    /// For each room the first deletion that may have been done.
    pub(crate) deletions: HashMap<u64, usize>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(records: &'a [Record]) -> Self {
        let timeline = Timeline::new(records);
        let mut connections = BTreeMap::<u64, Vec<usize>>::new();
        let (mut deletions, mut made) = (HashMap::new(), HashMap::new());
        for (place, record) in records.iter().enumerate() {
            if !matches!(
                record.what,
                What::Phase { .. } | What::Stored { .. } | What::Members { .. } | What::Made { .. }
            ) {
                connections.entry(record.connection).or_default().push(place);
            }
            if let What::Made { room, .. } = &record.what {
                made.insert(*room, record);
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
        let commands = Commands::new(records);
        let folds = logs.iter().map(|((room, epoch), log)| {
            ((*room, *epoch), Fold::new(log, |user, key| commands.sent(records, *room, user, key)))
        });
        let folds = folds.collect();
        let rights = logs.iter().filter_map(|(of, log)| Some((*of, Rights::new(made.get(&of.0)?, log)?))).collect();
        let invites = invites::all(records);
        Self {
            records,
            timeline,
            connections,
            subscriptions,
            unexpected,
            commands,
            logs,
            folds,
            rights,
            invites,
            deletions,
        }
    }

    /// The invite by which somebody has come into a room, if it was by one that this event was made.
    pub(crate) fn accepted(&self, room: u64, user: &str, known: Known<'_>) -> Option<Accepted<'_, 'a>> {
        let Known::Other(Kind::Member(event)) = known else { return None };
        if event.change != MemberChange::Joined {
            return None;
        }
        let tries = self.commands.of(room, user, known.deed()?)?;
        let code = tries.places.iter().find_map(|place| match &self.records[*place].what {
            What::Member { step: Step::Accept { code }, .. } => Some(code.as_str()),
            _ => None,
        })?;
        let invite = self.invites.get(code).filter(|invite| invite.room == room);
        Some(Accepted { invite, began: tries.first_began })
    }

    /// Whether a host has committed what made this event.
    pub(crate) fn is_committed(&self, room: u64, user: &str, known: Known<'_>) -> bool {
        let tries = self.commands.causing(room, user, known);
        let is_host = |place: &usize| matches!(self.records[*place].what, What::Committed { .. });
        tries.is_some_and(|tries| tries.places.iter().any(is_host))
    }

    /// Whether a deletion of the room may have begun by then.
    pub(crate) fn may_be_deleted(&self, room: u64, by: u64) -> bool {
        self.deletions.get(&room).is_some_and(|place| self.records[*place].began <= by)
    }

    /// The log that a record without an epoch refers to, if only one is possible.
    pub(crate) fn log_at(&self, room: u64, record: &Record) -> Option<&Log<'a>> {
        self.logs.get(&(room, self.timeline.epoch_of(record)?))
    }

    /// The logs that a record without an epoch refers to, if only one epoch is possible.
    pub(crate) fn logs_at(&self, record: &Record) -> impl Iterator<Item = (u64, &Log<'a>)> {
        let epoch = self.timeline.epoch_of(record);
        self.logs.iter().filter_map(move |((room, of), log)| (Some(*of) == epoch).then_some((*room, log)))
    }

    /// The log that a page is of, with what became of its messages.
    pub(crate) fn log_of_page(&self, room: u64, record: &Record, told: &'a str) -> Option<(&Log<'a>, &Fold<'a>)> {
        let epoch = self.timeline.epoch_told(record, told)?;
        Some((self.logs.get(&(room, epoch))?, self.folds.get(&(room, epoch))?))
    }

    /// The acknowledged commands of which the `ok` told a number, each with it.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (usize, u64)> {
        self.records.iter().enumerate().filter_map(|(place, record)| match &record.what {
            What::Send { result: Outcome::Ok(sent), .. } => Some((place, sent.seq)),
            What::Change { result: Outcome::Ok(changed), .. } | What::Member { result: Outcome::Ok(changed), .. } => {
                Some((place, changed.seq?))
            }
            _ => None,
        })
    }
}
