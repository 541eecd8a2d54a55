//! The phases of a run over time.

use crate::{
    history::{Attached, Outcome, Phase, Record, What},
    tolerance::SETTLE,
};

/// The phases and the epochs of a run.
pub(crate) struct Timeline<'a> {
    /// The periods in which things may be wrong: from a fault until some time after it is over.
    faults: Vec<(u64, u64)>,
    /// The periods in which all is quiet and nothing may be wrong.
    quiet: Vec<(u64, u64)>,
    /// The beginning of each [`Phase::Quiet`], and its end: [`Phase::Final`], another fault, or the end of the run.
    pub(crate) rounds: Vec<(u64, u64)>,
    /// When the log may have been changed from outside.
    restored: Vec<u64>,
    /// For each period between these changes: the epochs that were told in it, each with the first record that told it.
    pub(crate) epochs: Vec<Vec<(&'a str, usize)>>,
}

impl<'a> Timeline<'a> {
    pub(crate) fn new(records: &'a [Record]) -> Self {
        let mut timeline = Self {
            faults: Vec::new(),
            quiet: Vec::new(),
            rounds: Vec::new(),
            restored: Vec::new(),
            epochs: Vec::new(),
        };
        let last = records.iter().map(Record::seen).max().unwrap_or(0);
        let mut phases: Vec<(u64, &Phase)> = records
            .iter()
            .filter_map(|record| match &record.what {
                What::Phase { phase } => Some((record.began, phase)),
                _ => None,
            })
            .collect();
        phases.sort_by_key(|(at, _)| *at);
        timeline.walk(&phases, last);
        timeline.epochs.resize(timeline.restored.len() + 1, Vec::new());
        for (place, record) in records.iter().enumerate() {
            if let (Some(epoch), Some(period)) = (epoch_told(record), timeline.period(record)) {
                let told = &mut timeline.epochs[period];
                if told.iter().all(|(known, _)| *known != epoch) {
                    told.push((epoch, place));
                }
            }
        }
        timeline
    }

    fn walk(&mut self, phases: &[(u64, &Phase)], last: u64) {
        let (mut fault, mut quiet, mut round) = (None, None, None);
        for &(at, phase) in phases {
            match phase {
                Phase::Fault(_) => {
                    fault = fault.or(Some(at));
                    self.quiet.extend(quiet.take().map(|from| (from, at)));
                    self.rounds.extend(round.take().map(|from| (from, at)));
                }
                Phase::Healed => self.faults.extend(fault.take().map(|from| (from, at + SETTLE))),
                Phase::Quiet => {
                    self.faults.extend(fault.take().map(|from| (from, at)));
                    quiet = quiet.or(Some(at));
                    round = Some(at);
                }
                Phase::Final => self.rounds.extend(round.take().map(|from| (from, at))),
                Phase::Restored => self.restored.push(at),
            }
        }
        self.faults.extend(fault.map(|from| (from, u64::MAX)));
        self.quiet.extend(quiet.map(|from| (from, last)));
        self.rounds.extend(round.map(|from| (from, last)));
    }

    /// The time itself, or the end of the fault that it falls into.
    pub(crate) fn after_fault(&self, at: u64) -> u64 {
        let after = self.faults.partition_point(|(from, _)| *from <= at);
        // The periods begin in order, and each begins after the one before was healed. Only the times to settle may
        // overlap.
        let until = self.faults[after.saturating_sub(2)..after].iter().map(|(_, until)| *until).max();
        let after_fault = until.map_or(at, |until| until.max(at));
        let next = self.faults.get(after).filter(|(from, _)| *from <= after_fault);
        match next {
            Some(_) if after_fault > at => self.after_fault(after_fault),
            _ => after_fault,
        }
    }

    /// Whether all was quiet in this period.
    pub(crate) fn is_quiet(&self, from: u64, until: u64) -> bool {
        self.quiet.iter().any(|(start, end)| *start <= from && until <= *end)
    }

    /// The index of the period between changes from outside in which the record lies, if that is certain.
    pub(crate) fn period(&self, record: &Record) -> Option<usize> {
        let period = self.restored.partition_point(|at| *at <= record.began);
        (period == self.restored.partition_point(|at| *at <= record.seen())).then_some(period)
    }

    /// The epoch that a record tells, or in which it lies if it tells none.
    pub(crate) fn epoch_told(&self, record: &Record, told: &'a str) -> Option<&'a str> {
        if told.is_empty() { self.epoch_of(record) } else { Some(told) }
    }

    /// The epoch in which the record lies, if there is only one candidate.
    pub(crate) fn epoch_of(&self, record: &Record) -> Option<&'a str> {
        match self.epochs[self.period(record)?].as_slice() {
            [] if self.epochs.len() == 1 => Some(""),
            [(epoch, _)] => Some(epoch),
            _ => None,
        }
    }
}

/// The epoch that a record tells.
const fn epoch_told(record: &Record) -> Option<&str> {
    match &record.what {
        What::Attach { result: Outcome::Ok(attached), .. } => match attached {
            Attached::Resumed { head, .. } | Attached::Resync { head } => Some(head.epoch.as_str()),
        },
        What::Read { result: Outcome::Ok(page), .. } if !page.epoch.is_empty() => Some(page.epoch.as_str()),
        What::Stored { epoch, .. } => Some(epoch.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{builder::HistoryBuilder, tolerance::SECOND};

    #[test]
    fn an_instant_within_a_fault_is_put_off_until_it_is_over() {
        let mut builder = HistoryBuilder::new();
        for (at, phase) in [
            (10, Phase::Fault("kill".into())),
            (20, Phase::Fault("cut".into())),
            (30, Phase::Healed),
            (32, Phase::Fault("stop".into())),
            (40, Phase::Healed),
            (60, Phase::Quiet),
            (70, Phase::Final),
        ] {
            builder.at(at);
            builder.phase(phase);
        }
        let records = builder.records();
        let timeline = Timeline::new(&records);
        let start = records[0].began - 10 * SECOND;
        let after_fault = |at: u64| (timeline.after_fault(start + at * SECOND) - start) / SECOND;
        assert_eq!([9, 10, 25, 33, 44, 46].map(after_fault), [9, 45, 45, 45, 45, 46]);
        assert!(timeline.is_quiet(start + 60 * SECOND, start + 70 * SECOND));
        assert!(!timeline.is_quiet(start + 59 * SECOND, start + 61 * SECOND));
        assert_eq!(timeline.rounds, [(records[5].began, records[6].began)]);
    }
}
