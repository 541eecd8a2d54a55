//! What is done to the server, and to those who use it: one or two faults at a time, by the seed.

mod clients;
mod process;

use std::{sync::Arc, time::Duration};

use histcheck::history::Phase;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    rng::Rng,
    server::{Result, Server},
    workload::World,
};

/// What the faults work on.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub server: Mutex<Server>,
    /// Those who use it.
    pub world: World,
}

/// Something that breaks, and is whole again when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The process is killed at a random moment.
    KillRandom,
    /// The process kills itself at a chosen point of its work.
    KillAtPoint,
    /// It is asked to stop in the middle of a burst, and started again.
    Sigterm,
    /// It is frozen for a while.
    Freeze,
    /// All sockets are cut at once.
    CutSockets,
    /// Some clients stop reading, while much is written.
    StopReading,
    /// Some clients ask as much as they can.
    Flood,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::KillRandom,
        Self::KillAtPoint,
        Self::Sigterm,
        Self::Freeze,
        Self::CutSockets,
        Self::StopReading,
        Self::Flood,
    ];

    /// Its name on the command line and in histories.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KillRandom => "kill_random",
            Self::KillAtPoint => "kill_at_point",
            Self::Sigterm => "sigterm",
            Self::Freeze => "freeze",
            Self::CutSockets => "cut_sockets",
            Self::StopReading => "stop_reading",
            Self::Flood => "flood",
        }
    }

    /// The fault of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Lets it happen, and waits until it is over; returns what was done.
    async fn strike(self, stage: &Stage, mut rng: Rng) -> Result<String> {
        let rng = &mut rng;
        match self {
            Self::KillRandom => process::kill_random(stage, rng).await,
            Self::KillAtPoint => process::kill_at_point(stage, rng).await,
            Self::Sigterm => process::sigterm(stage, rng).await,
            Self::Freeze => process::freeze(stage, rng).await,
            Self::CutSockets => clients::cut_sockets(stage, rng).await,
            Self::StopReading => clients::stop_reading(stage, rng).await,
            Self::Flood => clients::flood(stage, rng).await,
        }
    }
}

/// One step of a schedule.
#[derive(Debug, Clone)]
pub struct Step {
    /// How long all is well before it.
    pub calm: Duration,
    /// What then happens at once, each with its own seed.
    pub faults: Vec<(Fault, u64)>,
}

/// The schedule of a seed: more steps than a run has time for.
#[must_use]
pub fn schedule(seed: u64, faults: &[Fault]) -> Vec<Step> {
    let mut rng = Rng::of(seed, "nemesis");
    // Each fault gets its turn before any comes again.
    let mut turn: Vec<Fault> = Vec::new();
    let mut draw = |rng: &mut Rng| {
        if turn.is_empty() {
            turn = faults.to_vec();
        }
        let index = usize::try_from(rng.below(turn.len() as u64)).unwrap_or(0);
        turn.swap_remove(index)
    };
    let mut steps = Vec::new();
    while steps.len() < 100 && !faults.is_empty() {
        let calm = rng.millis(700, 2_500);
        let mut at_once = vec![draw(&mut rng)];
        if faults.len() > 1 && rng.percent(30) {
            let second = draw(&mut rng);
            if !at_once.contains(&second) {
                at_once.push(second);
            }
        }
        steps.push(Step { calm, faults: at_once.into_iter().map(|fault| (fault, rng.next())).collect() });
    }
    steps
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Deed {
    /// When it began, since the run did.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// What it was.
    pub fault: Fault,
    /// What exactly; or why it could not be done.
    pub what: std::result::Result<String, String>,
}

/// Lets the schedule happen until the end of the time.
pub async fn haunt(stage: &Arc<Stage>, steps: Vec<Step>, end: Instant) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for step in steps {
        tokio::time::sleep(step.calm).await;
        if Instant::now() >= end {
            break;
        }
        let strikes = step.faults.into_iter().map(|(fault, seed)| strike(stage, fault, seed));
        deeds.extend(futures::future::join_all(strikes).await);
    }
    tokio::time::sleep_until(end).await;
    deeds
}

async fn strike(stage: &Stage, fault: Fault, seed: u64) -> Deed {
    let recorder = &stage.world.recorder;
    recorder.phase(Phase::Fault(fault.name().to_owned()));
    let at = Duration::from_nanos(recorder.now());
    let what = fault.strike(stage, Rng::new(seed)).await.map_err(|error| error.to_string());
    let took = Duration::from_nanos(recorder.now()).saturating_sub(at);
    Deed { at, took, fault, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_schedule() {
        let shown = |seed| format!("{:?}", schedule(seed, &Fault::ALL));
        assert_eq!(shown(1), shown(1));
        assert_ne!(shown(1), shown(2));
    }

    #[test]
    fn each_fault_gets_its_turn() {
        let first: Vec<Fault> = schedule(7, &Fault::ALL).iter().flat_map(|step| &step.faults).map(|of| of.0).collect();
        assert!(Fault::ALL.iter().all(|fault| first[..Fault::ALL.len() + 2].contains(fault)), "{first:?}");
    }

    #[test]
    fn names_are_unique() {
        assert!(Fault::ALL.iter().all(|fault| Fault::named(fault.name()) == Some(*fault)));
    }
}
