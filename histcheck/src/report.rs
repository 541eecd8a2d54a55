//! The report of a check.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Formatter},
    ops::AddAssign,
};

use crate::{
    anomaly::{Anomaly, Name},
    history::{Attached, Change, Outcome, Record, What},
};

/// The result of checking a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The anomalies: of each kind the first [`KEPT`](Self::KEPT).
    pub anomalies: Vec<Anomaly>,
    /// How many anomalies there are of each kind.
    pub found: BTreeMap<Name, usize>,
    /// What the history contains.
    pub summary: Summary,
}

impl Report {
    /// How many anomalies of each kind are kept with their records.
    pub const KEPT: usize = 20;

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = BTreeMap::<Name, usize>::new();
        for anomaly in &self.anomalies {
            let count = shown.entry(anomaly.name).or_default();
            *count += 1;
            if *count <= 3 {
                writeln!(f, "{anomaly}")?;
            }
        }
        writeln!(f, "{}", self.summary)?;
        if self.is_clean() {
            return write!(f, "no anomalies");
        }
        write!(f, "anomalies:")?;
        for (name, count) in &self.found {
            write!(f, "\n  {count} {name}: {}\n    breaks {}, {}", name.about(), name.promise(), name.promised())?;
        }
        Ok(())
    }
}

/// Counts of what a history contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// All records.
    pub records: usize,
    /// Rooms in which something was done.
    pub rooms: usize,
    /// Connections, including REST calls.
    pub connections: usize,
    /// Sends.
    pub sends: Outcomes,
    /// Edits of messages.
    pub edits: Outcomes,
    /// Deletions of messages.
    pub deletions: Outcomes,
    /// Reactions that were added or taken back.
    pub reactions: Outcomes,
    /// Pins that were set or taken away.
    pub pins: Outcomes,
    /// Read marks that were set.
    pub marks: Outcomes,
    /// Changes of who is in rooms, and as what.
    pub members: Outcomes,
    /// Invites that were made or revoked.
    pub invites: Outcomes,
    /// Messages that hosts committed in transactions of their own.
    pub commits: Outcomes,
    /// Live events that were received.
    pub events: usize,
    /// What was received from feeds of all rooms.
    pub fed: usize,
    /// Attaches that were answered without a resync.
    pub resumed: usize,
    /// The events in those answers.
    pub resumed_events: usize,
    /// Attaches that were answered with a resync.
    pub resynced: usize,
    /// Reads of pages and rooms.
    pub reads: usize,
    /// Signals and notices that were received: who is online, who types, what happens elsewhere.
    pub signals: usize,
    /// How often a client was told that it is detached from a room.
    pub put_out: usize,
    /// Connections that their client did not close.
    pub cut: usize,
}

/// What became of commands of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Those that were acknowledged.
    pub ok: usize,
    /// Those of these of which the server said that the key was used before.
    pub replayed: usize,
    /// Those that were refused.
    pub refused: usize,
    /// Those whose outcome is unknown.
    pub unknown: usize,
}

impl AddAssign for Outcomes {
    fn add_assign(&mut self, other: Self) {
        self.ok += other.ok;
        self.replayed += other.replayed;
        self.refused += other.refused;
        self.unknown += other.unknown;
    }
}

impl Outcomes {
    fn count<T>(&mut self, result: &Outcome<T>, is_replayed: impl FnOnce(&T) -> bool) {
        match result {
            Outcome::Ok(done) => {
                self.ok += 1;
                self.replayed += usize::from(is_replayed(done));
            }
            Outcome::Refused(_) | Outcome::Unknown if result.is_unknown() => self.unknown += 1,
            Outcome::Refused(_) | Outcome::Unknown => self.refused += 1,
        }
    }
}

impl Summary {
    /// The commands of each kind, with the word for them.
    #[must_use]
    pub const fn commands(&self) -> [(&'static str, Outcomes); 9] {
        let Self { sends, edits, deletions, reactions, pins, marks, members, invites, commits, .. } = *self;
        [
            ("sends", sends),
            ("edits", edits),
            ("deletions", deletions),
            ("reactions", reactions),
            ("pins", pins),
            ("marks", marks),
            ("members", members),
            ("invites", invites),
            ("commits", commits),
        ]
    }

    pub(crate) fn of(records: &[Record]) -> Self {
        let mut summary = Self { records: records.len(), ..Self::default() };
        let (mut rooms, mut connections) = (BTreeSet::new(), BTreeSet::new());
        for record in records {
            summary.count(&record.what);
            rooms.extend(record.what.room());
            if !matches!(
                record.what,
                What::Phase { .. } | What::Stored { .. } | What::Members { .. } | What::Made { .. }
            ) {
                connections.insert(record.connection);
            }
        }
        Self { rooms: rooms.len(), connections: connections.len(), ..summary }
    }

    fn count(&mut self, what: &What) {
        match what {
            What::Send { result, .. } => self.sends.count(result, |sent| sent.replayed),
            What::Committed { .. } => self.commits.ok += 1,
            What::Change { change, result, .. } => {
                let outcomes = match change {
                    Change::Edit { .. } => &mut self.edits,
                    Change::Delete { .. } => &mut self.deletions,
                    Change::React { .. } => &mut self.reactions,
                    Change::Pin { .. } => &mut self.pins,
                };
                outcomes.count(result, |changed| changed.replayed);
            }
            What::Mark { result, .. } => self.marks.count(result, |_| false),
            What::Member { result, .. } => self.members.count(result, |changed| changed.replayed),
            What::Invite { result, .. } => self.invites.count(result, |_| false),
            What::Revoke { result, .. } => self.invites.count(result, |()| false),
            What::Event { .. } => self.events += 1,
            What::Fed { .. } => self.fed += 1,
            What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } => {
                self.resumed += 1;
                self.resumed_events += events.len();
            }
            What::Attach { result: Outcome::Ok(Attached::Resync { .. }), .. } => self.resynced += 1,
            What::Read { result: Outcome::Ok(_), .. }
            | What::Look { result: Outcome::Ok(_), .. }
            | What::Presence { result: Outcome::Ok(_), .. }
            | What::Edits { result: Outcome::Ok(_), .. }
            | What::Reactions { result: Outcome::Ok(_), .. }
            | What::Reads { result: Outcome::Ok(_), .. }
            | What::Rooms { result: Outcome::Ok(_) } => self.reads += 1,
            What::UserList { .. }
            | What::Join { .. }
            | What::Leave { .. }
            | What::Typing { .. }
            | What::Marks { .. }
            | What::Marked { .. }
            | What::Activity { .. }
            | What::Notice { .. } => self.signals += 1,
            What::Detached { .. } => self.put_out += 1,
            What::Closed { by_client: false, .. } => self.cut += 1,
            _ => {}
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (records, rooms) = (counted(self.records, "record"), counted(self.rooms, "room"));
        writeln!(f, "{records}, {rooms}, {} ({} cut)", counted(self.connections, "connection"), self.cut)?;
        writeln!(f, "{:10} {:>7} {:>9} {:>8} {:>8}", "", "ok", "replayed", "refused", "unknown")?;
        for (name, Outcomes { ok, replayed, refused, unknown }) in self.commands() {
            if (ok, refused, unknown) != (0, 0, 0) || name == "sends" {
                writeln!(f, "{name:10} {ok:>7} {replayed:>9} {refused:>8} {unknown:>8}")?;
            }
        }
        writeln!(f, "replayed: ok, and the key was known; refused: an error said that nothing was stored;")?;
        writeln!(f, "unknown: no answer came, or outcome_unknown; done once at most")?;
        let (events, signals) = (counted(self.events, "event"), counted(self.signals, "signal"));
        let missed = counted(self.resumed_events, "event");
        write!(f, "attaches: {} resumed ({missed}), {} resynced; ", self.resumed, self.resynced)?;
        write!(f, "heard live: {events}, {signals}; reads: {}", self.reads)?;
        if self.fed > 0 {
            write!(f, "; told by feeds: {}", self.fed)?;
        }
        if self.put_out > 0 { write!(f, "; put out of rooms: {}", self.put_out) } else { Ok(()) }
    }
}

/// `1 room`, `2 rooms`.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_its_words_mean() {
        let sends = Outcomes { unknown: 3, ..Outcomes::default() };
        let summary = Summary { rooms: 1, connections: 2, sends, ..Summary::default() };
        let found = BTreeMap::from([(Name::Gap, 2)]);
        let text = Report { anomalies: Vec::new(), found, summary }.to_string();
        for part in [
            "1 room,",
            "2 connections",
            "sends            0         0        0        3",
            "unknown: no answer came",
            "2 gap: A subscription skipped a number.",
            "breaks G3, gapless",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
