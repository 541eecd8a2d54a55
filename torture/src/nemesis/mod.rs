//! What is done to the server, and to those who use it: one or two faults at a time, by the seed.

mod clients;
mod fault;
mod foreign;
mod network;
mod process;
mod schedule;
mod storage;
mod vanishing;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use histcheck::history::Phase;
use tokio::{sync::Mutex, time::Instant};

pub use self::{
    fault::Fault,
    schedule::{Step, schedule},
};
use crate::{
    database::Database,
    fault::network::Network,
    rng::Rng,
    server::{Result, Server},
    workload::World,
};

/// What the faults work on.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub server: Mutex<Server>,
    /// Its database.
    pub database: Database,
    /// The network that may vanish.
    pub network: Vanishing,
    /// Those who use it.
    pub world: World,
    /// What the server did wrong that no client can see.
    pub complaints: std::sync::Mutex<Vec<String>>,
}

/// A network that may vanish, where this process is on the server's side of it; or why there is none.
pub type Vanishing = std::result::Result<Arc<Network>, String>;

impl Stage {
    /// The server did something wrong.
    pub fn complain(&self, what: String) {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
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

/// Lets the schedule happen until the end of the time; returns what was done.
pub async fn haunt(stage: &Stage, steps: Vec<Step>, end: Instant) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for step in steps {
        tokio::time::sleep_until(end.min(Instant::now() + step.calm)).await;
        if Instant::now() >= end {
            break;
        }
        let strikes = step.faults.into_iter().map(|(fault, seed)| strike(stage, fault, seed));
        deeds.extend(futures::future::join_all(strikes).await);
        if let Err(error) = stand_up(stage).await {
            stage.complain(error.to_string());
        }
    }
    tokio::time::sleep_until(end).await;
    deeds
}

/// After a fault the server runs, without help.
///
/// # Errors
/// It does not; but it does now, unless it cannot be started at all.
pub async fn stand_up(stage: &Stage) -> Result {
    let mut server = stage.server.lock().await;
    let ended = server.has_ended()?;
    if !server.is_up() {
        server.start().await?;
    }
    ended.map_or(Ok(()), |status| Err(format!("the server ended by itself: {status}").into()))
}

async fn strike(stage: &Stage, fault: Fault, seed: u64) -> Deed {
    let recorder = &stage.world.recorder;
    recorder.phase(Phase::Fault(fault.name().to_owned()));
    let at = Duration::from_nanos(recorder.now());
    let what = fault.strike(stage, Rng::new(seed)).await.map_err(|error| error.to_string());
    let took = Duration::from_nanos(recorder.now()).saturating_sub(at);
    Deed { at, took, fault, what }
}
