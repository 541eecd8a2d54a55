//! Injects faults into the server and its clients: one or two at a time, by the seed.

mod clients;
mod fault;
mod foreign;
mod network;
mod process;
mod schedule;
mod stage;
mod storage;
mod vanishing;

use std::time::Duration;

use histcheck::history::Phase;
use tokio::time::Instant;

pub use self::{
    fault::Fault,
    schedule::{Step, schedule},
    stage::{Stage, Vanishing},
};
use crate::{rng::Rng, server::Result};

/// A fault that was injected.
#[derive(Debug, Clone)]
pub struct InjectedFault {
    /// When it began, since the start of the run.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// Which fault it was.
    pub fault: Fault,
    /// What exactly was done, or why it failed.
    pub what: std::result::Result<String, String>,
}

/// Injects the faults of a schedule until the end of the time; returns what was done.
pub async fn inject_all(stage: &Stage, steps: Vec<Step>, end: Instant) -> Vec<InjectedFault> {
    let mut injected = Vec::new();
    for step in steps {
        tokio::time::sleep_until(end.min(Instant::now() + step.calm)).await;
        if Instant::now() >= end {
            break;
        }
        let injections = step.faults.into_iter().map(|(fault, seed)| inject(stage, fault, seed));
        injected.extend(futures::future::join_all(injections).await);
        if let Err(error) = ensure_running(stage).await {
            stage.complain(error.to_string());
        }
    }
    tokio::time::sleep_until(end).await;
    injected
}

/// Checks that the server has survived a fault, and starts it if it has not.
///
/// # Errors
/// The server had ended by itself. It runs again, unless it cannot be started at all.
pub async fn ensure_running(stage: &Stage) -> Result {
    let mut server = stage.server.lock().await;
    let ended = server.has_ended()?;
    if !server.is_up() {
        server.start().await?;
    }
    ended.map_or(Ok(()), |status| Err(format!("the server ended by itself: {status}").into()))
}

async fn inject(stage: &Stage, fault: Fault, seed: u64) -> InjectedFault {
    let recorder = &stage.world.recorder;
    recorder.phase(Phase::Fault(fault.name().to_owned()));
    let at = Duration::from_nanos(recorder.now());
    let what = fault.inject(stage, Rng::new(seed)).await.map_err(|error| error.to_string());
    let took = Duration::from_nanos(recorder.now()).saturating_sub(at);
    InjectedFault { at, took, fault, what }
}
