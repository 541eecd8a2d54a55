//! Reports of runs, as text for people.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

use histcheck::Outcomes;

use crate::{
    format::{counted, number, times},
    nemesis::Fault,
    run::Report,
};

/// The sums over many runs.
#[derive(Debug, Default)]
pub struct Tally {
    runs: usize,
    unclean: Vec<u64>,
    kills: usize,
    events: usize,
    /// What became of the commands of each kind.
    commands: BTreeMap<&'static str, Outcomes>,
    /// How often each fault was injected, and how often that failed.
    faults: BTreeMap<Fault, (usize, usize)>,
}

impl Tally {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.runs += 1;
        self.kills += report.kills;
        for (name, outcomes) in report.findings.summary.commands() {
            *self.commands.entry(name).or_default() += outcomes;
        }
        self.events += report.findings.summary.events;
        if !report.is_clean() {
            self.unclean.push(report.seed);
        }
        for deed in &report.injected {
            let (done, not_done) = self.faults.entry(deed.fault).or_default();
            *(if deed.what.is_ok() { done } else { not_done }) += 1;
        }
        for (fault, _) in &report.skipped {
            self.faults.entry(*fault).or_default().1 += 1;
        }
    }

    /// Whether nothing was wrong in any of them.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.unclean.is_empty()
    }

    /// How often a fault was injected.
    #[must_use]
    pub fn done(&self, fault: Fault) -> usize {
        self.faults.get(&fault).map_or(0, |(done, _)| *done)
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { runs, kills, events, .. } = self;
        let (runs, kills) = (counted(*runs, "run"), counted(*kills, "kill"));
        writeln!(f, "{runs}: {} heard, {kills}", counted(*events, "event"))?;
        for (name, Outcomes { ok, replayed, refused, unknown }) in &self.commands {
            let [ok, replayed, refused, unknown] = [ok, replayed, refused, unknown].map(|count| number(*count));
            writeln!(f, "  {name:10} {ok} ok ({replayed} replayed), {refused} refused, {unknown} unknown")?;
        }
        for (fault, (done, not_done)) in &self.faults {
            let not_done =
                if *not_done > 0 { format!(", could not be done {}", times(*not_done)) } else { String::new() };
            writeln!(f, "  {:19} done {}{not_done}", fault.name(), times(*done))?;
        }
        match &self.unclean[..] {
            [] => write!(f, "nothing wrong"),
            [seed] => write!(f, "something is wrong with seed {seed}"),
            seeds => write!(f, "something is wrong with seeds {seeds:?}"),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (starts, kills) = (times(self.starts), times(self.kills));
        writeln!(f, "seed {}: the server was started {starts}, killed {kills}", self.seed)?;
        for deed in &self.injected {
            let (at, took) = (deed.at.as_secs_f64(), deed.took.as_secs_f64());
            let (done, what) = match &deed.what {
                Ok(what) => ("", what),
                Err(why) => ("NOT DONE: ", why),
            };
            writeln!(f, "  {at:6.1} s, for {took:4.1} s: {}: {done}{what}", deed.fault.name())?;
        }
        for (fault, why) in &self.skipped {
            writeln!(f, "  skipped {}: {why}", fault.name())?;
        }
        writeln!(f, "{} (judged in {:.1} s)", self.findings, self.check_time.as_secs_f64())?;
        for complaint in &self.complaints {
            writeln!(f, "wrong: {complaint}")?;
        }
        if let Some(folder) = &self.kept {
            writeln!(f, "history and log: {}", folder.display())?;
        }
        Ok(())
    }
}
