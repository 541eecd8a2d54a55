//! Faults of the database's server, and of the network to it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Stage;
use crate::{
    fault::proxy::{Lose, Proxy},
    format::counted,
    rng::Rng,
    server::Result,
};

/// A commit's answer is lost, or the commit itself.
pub(super) async fn lost_commit_answer(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let proxy = proxy(stage)?;
    let count = rng.between(1, 3);
    let what = if rng.percent(75) { Lose::Answer } else { Lose::Request };
    let aim = proxy.counts().lost_commits + usize::try_from(count)?;
    proxy.lose_commits(usize::try_from(count)?, what);
    let lost = timeout(TIMEOUT, proxy.until(|counts| counts.lost_commits >= aim)).await;
    proxy.lose_commits(0, what);
    if lost.is_err() {
        return Err(format!("there was not {} to lose", counted(count, "commit")).into());
    }
    let what = if matches!(what, Lose::Answer) { "answer" } else { "request" };
    Ok(format!("{}: the {what} was lost", counted(count, "commit")))
}

/// The database's server is restarted, as after a crash.
pub(super) async fn database_restart(stage: &Stage, rng: &mut Rng) -> Result<String> {
    sleep(rng.millis(0, 500)).await;
    stage.database.control("kill").await?;
    stage.database.control("start").await?;
    Ok("killed and started".to_owned())
}

/// The database's server is stopped for a while.
pub(super) async fn database_stopped(stage: &Stage, time: Duration) -> Result<String> {
    stage.database.control("stop").await?;
    sleep(time).await;
    stage.database.control("start").await?;
    Ok(format!("stopped for {} s", time.as_secs()))
}

/// Packets to the database are held back for a while.
pub(super) async fn database_stalls(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let (proxy, time) = (proxy(stage)?, rng.millis(1_000, 8_000));
    proxy.stall(true);
    sleep(time).await;
    proxy.stall(false);
    Ok(format!("for {} ms", time.as_millis()))
}

fn proxy(stage: &Stage) -> Result<&Proxy> {
    stage.database.proxy.as_ref().ok_or_else(|| "there is no network to this database".into())
}

const TIMEOUT: Duration = Duration::from_secs(10);
