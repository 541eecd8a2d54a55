//! Collects what the checks find.

use std::collections::BTreeMap;

use crate::{
    anomaly::{Anomaly, Name},
    history::{Attached, Outcome, Record, What},
    report::{Report, Summary},
};

/// What was found so far.
pub(crate) struct Findings<'a> {
    records: &'a [Record],
    anomalies: Vec<Anomaly>,
    found: BTreeMap<Name, usize>,
}

impl<'a> Findings<'a> {
    pub(crate) const fn new(records: &'a [Record]) -> Self {
        Self { records, anomalies: Vec::new(), found: BTreeMap::new() }
    }

    /// Adds an anomaly. `shown_by` are the places of its records; `around` is the number that it is about, if any.
    pub(crate) fn push(&mut self, name: Name, what: String, shown_by: &[usize], around: Option<u64>) {
        let count = self.found.entry(name).or_default();
        *count += 1;
        if *count > Report::KEPT {
            return;
        }
        let mut places = shown_by.to_vec();
        places.sort_unstable();
        places.dedup();
        let records = places.into_iter().map(|place| cut(&self.records[place], around)).collect();
        self.anomalies.push(Anomaly { name, what, records });
    }

    pub(crate) fn report(self) -> Report {
        Report { anomalies: self.anomalies, found: self.found, summary: Summary::of(self.records) }
    }
}

/// The record, with long lists of events cut to those around a number.
fn cut(record: &Record, around: Option<u64>) -> Record {
    let mut record = record.clone();
    let Some(seq) = around else { return record };
    let is_near = |other: u64| other.abs_diff(seq) <= 1;
    match &mut record.what {
        What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } | What::Stored { events, .. } => {
            events.retain(|event| is_near(event.seq));
        }
        What::Read { result: Outcome::Ok(page), .. } => page.messages.retain(|state| is_near(state.seq)),
        _ => {}
    }
    record
}
