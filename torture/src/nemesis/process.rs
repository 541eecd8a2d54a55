//! Faults of the process: it is killed, stopped or frozen.

use std::time::Duration;

use tokio::time::sleep;

use super::Stage;
use crate::{
    fault::process::{Signal, signal},
    format::ordinal,
    rng::Rng,
    server::{Result, Server},
};

/// Kills the process at a random moment, and starts it after a random time.
pub(super) async fn kill_random(stage: &Stage, rng: &mut Rng) -> Result<String> {
    sleep(rng.millis(0, 1_000)).await;
    let mut server = stage.server.lock().await;
    server.kill().await?;
    let down = rng.millis(0, 1_500);
    sleep(down).await;
    server.start().await?;
    Ok(format!("killed, down for {} ms", down.as_millis()))
}

/// Starts the process again so that it kills itself at a chosen point of its work.
pub(super) async fn kill_at_point(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let points = if stage.is_shop { &POINTS[..] } else { &POINTS[1..] };
    let point = rng.pick(points).copied().unwrap_or("after_commit");
    let nth = rng.between(1, 60);
    let mut server = stage.server.lock().await;
    stop(stage, &mut server).await?;
    // It may reach the point before it is ready.
    server.spawn(&[("CHATD_FAIL_AT".to_owned(), format!("{point}:{nth}:abort").into())])?;
    let ended = server.ended(TIMEOUT).await?;
    if ended.is_none() {
        server.kill().await?;
        server.start().await?;
        return Err(format!("it never came to {point} for the {} time", ordinal(nth)).into());
    }
    server.kills += 1;
    server.start().await?;
    Ok(format!("killed itself at {point}, the {} time", ordinal(nth)))
}

/// Sends SIGTERM, and starts the process after it has ended.
pub(super) async fn sigterm(stage: &Stage, rng: &mut Rng) -> Result<String> {
    sleep(rng.millis(0, 1_000)).await;
    let mut server = stage.server.lock().await;
    stop(stage, &mut server).await?;
    server.start().await?;
    Ok("stopped and started".to_owned())
}

/// Asks the process to stop, and notes if it does so too late or with an error.
async fn stop(stage: &Stage, server: &mut Server) -> Result {
    if let Err(error) = server.stop().await {
        stage.complain(error.to_string());
        server.kill().await?;
    }
    Ok(())
}

/// Sends SIGSTOP, and SIGCONT after a while.
pub(super) async fn freeze(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let time = rng.millis(200, 6_000);
    let pid = stage.server.lock().await.pid().ok_or("there is no server to freeze")?;
    signal(pid, Signal::Stop).await?;
    sleep(time).await;
    // The server is not locked meanwhile, since another fault may wait for it. The process may have been killed, which
    // ends the freeze as well.
    drop(signal(pid, Signal::Continue).await);
    Ok(format!("frozen for {} ms", time.as_millis()))
}

/// The first one is passed only by a shop.
const POINTS: [&str; 5] = ["in_outbox", "before_insert", "after_insert", "after_commit", "after_answer"];
/// How long it may take to reach the point.
const TIMEOUT: Duration = Duration::from_secs(10);
