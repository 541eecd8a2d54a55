//! Records what all clients of a run did and saw, in one history.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use histcheck::history::{Outcome, Phase, Record, What};

/// Collects the records of a run as they come.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    connections: AtomicU64,
    records: Mutex<Vec<Record>>,
    told: Mutex<Told>,
}

/// A summary of a run so far, for the progress.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Sends that were acknowledged.
    pub sends: usize,
    /// Events heard live.
    pub events: usize,
    /// The last fault, or the phase of the run after it.
    pub now: String,
}

impl Told {
    fn hear(&mut self, what: &What) {
        self.sends += usize::from(matches!(what, What::Send { result: Outcome::Ok(_), .. }));
        self.events += usize::from(matches!(what, What::Event { .. }));
        if let What::Phase { phase } = what {
            self.now = stands(phase);
        }
    }
}

/// The phase of a run, in words.
fn stands(phase: &Phase) -> String {
    match phase {
        Phase::Fault(name) => name.clone(),
        Phase::Healed => "all is healed".to_owned(),
        Phase::Quiet => "all is quiet".to_owned(),
        Phase::Final => "everybody leaves".to_owned(),
        Phase::Restored => "an older copy is in place".to_owned(),
    }
}

impl Recorder {
    /// An empty history whose time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            connections: AtomicU64::new(0),
            records: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Nanoseconds since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The number of a new connection.
    pub fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Adds a record to the history.
    pub fn push(&self, record: Record) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).hear(&record.what);
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// Records the phase of the run.
    pub fn phase(&self, phase: Phase) {
        self.push(self.of_the_run(What::Phase { phase }));
    }

    /// A record of the run itself, with the current time.
    pub fn of_the_run(&self, what: What) -> Record {
        let began = self.now();
        Record { process: RUN.to_owned(), user: RUN.to_owned(), connection: 0, began, ended: Some(began), what }
    }

    /// A summary of the run so far.
    #[must_use]
    pub fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the history out, and begins a new one.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of a client.
#[derive(Debug, Clone)]
pub struct Name {
    /// The process, as histories call it.
    pub process: String,
    /// The user that it acts for.
    pub user: String,
}

impl Name {
    /// A client with a user of its own.
    #[must_use]
    pub fn own(name: &str) -> Self {
        Self { process: name.to_owned(), user: name.to_owned() }
    }
}

const RUN: &str = "run";
