//! The process is killed, stopped or frozen.

use std::time::Duration;

use tokio::time::sleep;

use super::Stage;
use crate::{
    fault::process::{Signal, signal},
    rng::Rng,
    server::{Result, Server},
    words::ordinal,
};

/// `kill -9` at a random moment, and a start after a random time.
pub(super) async fn kill_random(stage: &Stage, rng: &mut Rng) -> Result<String> {
    sleep(rng.millis(0, 1_000)).await;
    let mut server = stage.server.lock().await;
    server.kill().await?;
    let down = rng.millis(0, 1_500);
    sleep(down).await;
    server.start().await?;
    Ok(format!("killed, down for {} ms", down.as_millis()))
}

/// Started again so that it kills itself at a point of its work.
pub(super) async fn kill_at_point(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let point = rng.pick(&POINTS).copied().unwrap_or("after_commit");
    let nth = rng.between(1, 60);
    let mut server = stage.server.lock().await;
    stop(stage, &mut server).await?;
    // It may get there before it is ready for anything else.
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

/// SIGTERM, and a start once it has stopped.
pub(super) async fn sigterm(stage: &Stage, rng: &mut Rng) -> Result<String> {
    sleep(rng.millis(0, 1_000)).await;
    let mut server = stage.server.lock().await;
    stop(stage, &mut server).await?;
    server.start().await?;
    Ok("stopped and started".to_owned())
}

/// Asks it to stop, and complains unless it does so in time and well.
async fn stop(stage: &Stage, server: &mut Server) -> Result {
    if let Err(error) = server.stop().await {
        stage.complain(error.to_string());
        server.kill().await?;
    }
    Ok(())
}

/// SIGSTOP, and SIGCONT after a while.
pub(super) async fn freeze(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let time = rng.millis(200, 6_000);
    let pid = stage.server.lock().await.pid().ok_or("there is no server to freeze")?;
    signal(pid, Signal::Stop).await?;
    sleep(time).await;
    // Not under the lock: another fault may wait there for this one to be over. And it may have been killed meanwhile,
    // which ends a freeze as well.
    drop(signal(pid, Signal::Continue).await);
    Ok(format!("frozen for {} ms", time.as_millis()))
}

const POINTS: [&str; 4] = ["before_insert", "after_insert", "after_commit", "after_answer"];
/// How long it may take until it comes to its point.
const TIMEOUT: Duration = Duration::from_secs(10);
