//! What users are in rooms, by the rooms' logs.

use std::collections::{BTreeMap, HashMap};

use super::{Known, Log};
use crate::history::{Kind, MemberChange, MemberEvent, Record, Role, RoomKind, Terms, What};

/// What users are in a room at each number of its log, as far as the log is known without a hole.
#[derive(Debug)]
pub(crate) struct Rights<'a> {
    /// Whether the room has owners.
    pub(crate) owned: bool,
    /// The last number up to which all events are known.
    pub(crate) known: u64,
    /// The terms, each from this number on.
    terms: Vec<(u64, Terms)>,
    /// What each user is, from this number on.
    standings: HashMap<&'a str, Vec<(u64, Standing)>>,
    /// How many members and owners there are, from this number on.
    counts: Vec<(u64, Count)>,
}

/// What a user is in a room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    pub(crate) role: Option<Role>,
    pub(crate) banned: Option<Until>,
    pub(crate) muted: Option<Until>,
}

/// How long a ban or a mute is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until this time, in milliseconds since 1970.
    At(u64),
    ForGood,
}

/// How many are in a room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) members: u64,
    pub(crate) owners: u64,
}

impl Until {
    pub(crate) const fn of(end: Option<u64>) -> Self {
        match end {
            Some(end) => Self::At(end),
            None => Self::ForGood,
        }
    }

    /// Whether it is surely in force at this time; `None`: at some time.
    pub(crate) fn covers(self, at: Option<u64>) -> bool {
        match self {
            Self::At(end) => at.is_some_and(|at| end > at),
            Self::ForGood => true,
        }
    }
}

impl Standing {
    /// Whether the user may read a room of this kind at this time.
    pub(crate) fn may_read(self, kind: RoomKind, at: Option<u64>) -> bool {
        match kind {
            RoomKind::Public => !self.banned.is_some_and(|until| until.covers(at)),
            RoomKind::Private | RoomKind::Direct => self.role.is_some(),
        }
    }

    fn apply(&mut self, event: &MemberEvent) {
        let until = Until::of(event.until);
        match event.change {
            MemberChange::Joined | MemberChange::Added | MemberChange::Role => {
                self.role = Some(event.role.unwrap_or(Role::Member));
            }
            MemberChange::Left | MemberChange::Removed => self.role = None,
            MemberChange::Banned => (self.role, self.banned) = (None, Some(until)),
            MemberChange::Unbanned => self.banned = None,
            MemberChange::Muted => self.muted = Some(until),
            MemberChange::Unmuted => self.muted = None,
        }
    }
}

impl<'a> Rights<'a> {
    /// Those of a room that began as this record says; `None` if it is no such record.
    pub(super) fn new(made: &'a Record, log: &Log<'a>) -> Option<Self> {
        let What::Made { owned, terms, members, .. } = &made.what else { return None };
        let in_from_the_start = |role| vec![(0, Standing { role: Some(role), ..Standing::default() })];
        let standings = members.iter().map(|member| (member.user.as_str(), in_from_the_start(member.role))).collect();
        let mut rights = Self { owned: *owned, known: 0, terms: vec![(0, *terms)], standings, counts: Vec::new() };
        let owners = members.iter().filter(|member| member.role == Role::Owner).count() as u64;
        rights.counts.push((0, Count { members: members.len() as u64, owners }));
        for (seq, entry) in
            (1..).zip(&log.entries).map_while(|(next, (seq, entry))| (next == *seq).then_some((seq, entry)))
        {
            rights.known = *seq;
            match entry.known {
                Known::Other(Kind::Member(event)) => rights.apply(*seq, event),
                Known::Other(Kind::RoomUpdated { terms: Some(terms), .. }) => rights.terms.push((*seq, *terms)),
                _ => {}
            }
        }
        Some(rights)
    }

    fn apply(&mut self, seq: u64, event: &'a MemberEvent) {
        let history = self.standings.entry(&event.user).or_default();
        let before = history.last().map(|(_, standing)| *standing).unwrap_or_default();
        let mut after = before;
        after.apply(event);
        history.push((seq, after));
        let mut count = self.count(seq);
        let one = |yes: bool| u64::from(yes);
        count.members = (count.members + one(after.role.is_some())).saturating_sub(one(before.role.is_some()));
        let owns = |standing: Standing| one(standing.role == Some(Role::Owner));
        count.owners = (count.owners + owns(after)).saturating_sub(owns(before));
        self.counts.push((seq, count));
    }

    /// The terms after this number.
    pub(crate) fn terms(&self, seq: u64) -> Terms {
        at(&self.terms, seq).map_or(Terms::PUBLIC, |(_, terms)| terms)
    }

    /// What a user is after this number.
    pub(crate) fn standing(&self, user: &str, seq: u64) -> Standing {
        self.standings.get(user).and_then(|history| at(history, seq)).map(|(_, standing)| standing).unwrap_or_default()
    }

    /// Who is in after this number, and as what.
    pub(crate) fn members(&self, seq: u64) -> BTreeMap<&'a str, Role> {
        self.standings.keys().filter_map(|user| Some((*user, self.standing(user, seq).role?))).collect()
    }

    /// How many are in after this number.
    pub(crate) fn count(&self, seq: u64) -> Count {
        at(&self.counts, seq).map(|(_, count)| count).unwrap_or_default()
    }

    /// The newest event up to this number that has changed what a user may do; 0 if there is none.
    pub(crate) fn changed(&self, user: &str, seq: u64) -> u64 {
        let of_user = self.standings.get(user).and_then(|history| at(history, seq)).map_or(0, |(seq, _)| seq);
        // In a public room it is a ban or a role that matters, whatever its terms have been.
        let is_told_by_user = of_user > 0 && self.terms(seq).kind == RoomKind::Public;
        if is_told_by_user { of_user } else { of_user.max(at(&self.terms, seq).map_or(0, |(seq, _)| seq)) }
    }

    /// Whether a user may read after this number, at this time.
    pub(crate) fn may_read(&self, user: &str, seq: u64, at: Option<u64>) -> bool {
        self.standing(user, seq).may_read(self.terms(seq).kind, at)
    }

    /// The numbers after this one of the events that change what a user may do, in order.
    pub(crate) fn changes_after(&self, user: &str, seq: u64) -> Vec<u64> {
        let of_user = self.standings.get(user).into_iter().flatten().map(|(seq, _)| *seq);
        let mut changes: Vec<u64> =
            of_user.chain(self.terms.iter().map(|(seq, _)| *seq)).filter(|other| *other > seq).collect();
        changes.sort_unstable();
        changes
    }

    /// The first event after this number that detaches a user: one about them, or one that makes the room private, after which
    /// they may not read.
    pub(crate) fn takes(&self, log: &Log<'_>, user: &str, seq: u64) -> Option<u64> {
        let stamp = |seq: &u64| log.entries.get(seq).and_then(|entry| entry.at);
        let of_user =
            |seq: u64| self.standings.get(user).and_then(|history| at(history, seq)).is_some_and(|(at, _)| at == seq);
        let concerns = |seq: u64| of_user(seq) || self.terms(seq).kind != RoomKind::Public;
        let takes = |change: &u64| concerns(*change) && !self.may_read(user, *change, stamp(change));
        self.changes_after(user, seq).into_iter().find(takes)
    }
}

/// The last of a list in order that begins at or before this number.
fn at<T: Copy>(list: &[(u64, T)], seq: u64) -> Option<(u64, T)> {
    list[..list.partition_point(|(from, _)| *from <= seq)].last().copied()
}
