//! The report of a check.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Formatter},
};

use crate::{
    anomaly::{Anomaly, Name},
    history::{Attached, Outcome, Record, What},
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
    /// Sends that were acknowledged.
    pub sends_ok: usize,
    /// Acknowledged sends of which the server said that the key was used before.
    pub sends_replayed: usize,
    /// Sends that were refused.
    pub sends_refused: usize,
    /// Sends whose outcome is unknown.
    pub sends_unknown: usize,
    /// Live events that were received.
    pub events: usize,
    /// Attaches that were answered without a resync.
    pub resumed: usize,
    /// The events in those answers.
    pub resumed_events: usize,
    /// Attaches that were answered with a resync.
    pub resynced: usize,
    /// Reads of pages and rooms.
    pub reads: usize,
    /// Signals that were received: who is online, and who types.
    pub signals: usize,
    /// Connections that their client did not close.
    pub cut: usize,
}

impl Summary {
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut summary = Self { records: records.len(), ..Self::default() };
        let (mut rooms, mut connections) = (BTreeSet::new(), BTreeSet::new());
        for record in records {
            summary.count(&record.what);
            rooms.extend(record.what.room());
            if !matches!(record.what, What::Phase { .. } | What::Stored { .. }) {
                connections.insert(record.connection);
            }
        }
        Self { rooms: rooms.len(), connections: connections.len(), ..summary }
    }

    fn count(&mut self, what: &What) {
        match what {
            What::Send { result: Outcome::Ok(sent), .. } => {
                self.sends_ok += 1;
                self.sends_replayed += usize::from(sent.replayed);
            }
            What::Send { result, .. } if result.is_unknown() => self.sends_unknown += 1,
            What::Send { .. } => self.sends_refused += 1,
            What::Event { .. } => self.events += 1,
            What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } => {
                self.resumed += 1;
                self.resumed_events += events.len();
            }
            What::Attach { result: Outcome::Ok(Attached::Resync { .. }), .. } => self.resynced += 1,
            What::Read { result: Outcome::Ok(_), .. }
            | What::Look { result: Outcome::Ok(_), .. }
            | What::Presence { result: Outcome::Ok(_), .. } => self.reads += 1,
            What::UserList { .. } | What::Join { .. } | What::Leave { .. } | What::Typing { .. } => self.signals += 1,
            What::Closed { by_client: false, .. } => self.cut += 1,
            _ => {}
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (records, rooms) = (counted(self.records, "record"), counted(self.rooms, "room"));
        writeln!(f, "{records}, {rooms}, {} ({} cut)", counted(self.connections, "connection"), self.cut)?;
        writeln!(f, "sends: {} ok (of these {} replayed: the key was known)", self.sends_ok, self.sends_replayed)?;
        writeln!(f, "       {} refused: an error said that nothing was stored", self.sends_refused)?;
        writeln!(f, "       {} unknown: no answer came, or outcome_unknown; stored once at most", self.sends_unknown)?;
        let (events, signals) = (counted(self.events, "event"), counted(self.signals, "signal"));
        let missed = counted(self.resumed_events, "event");
        write!(f, "attaches: {} resumed ({missed}), {} resynced; ", self.resumed, self.resynced)?;
        write!(f, "heard live: {events}, {signals}; reads: {}", self.reads)
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
        let summary = Summary { rooms: 1, connections: 2, sends_unknown: 3, ..Summary::default() };
        let found = BTreeMap::from([(Name::Gap, 2)]);
        let text = Report { anomalies: Vec::new(), found, summary }.to_string();
        for part in [
            "1 room,",
            "2 connections",
            "3 unknown: no answer came",
            "2 gap: A subscription skipped a number.",
            "breaks G3, gapless",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
