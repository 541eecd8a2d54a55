//! Faults of the disk, of the database's lock and of the clock.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Stage;
use crate::{
    database::Kind,
    fault::{
        lock::Lock,
        power::Cut,
        shim::{Count, Shim},
    },
    rng::Rng,
    server::Result,
};

/// The disk is full for a while.
pub(super) async fn disk_full(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let time = rng.millis(1_000, 5_000);
    if let Some(disk) = &stage.database.disk {
        let filled = disk.fill()?;
        sleep(time).await;
        disk.free()?;
        return Ok(format!("filled with {filled} bytes for {} ms", time.as_millis()));
    }
    let shim = stage.database.shim()?;
    let before = shim.count(Count::NoRoom)?;
    shim.leave_room(Some(rng.below(100_000)))?;
    sleep(time).await;
    shim.leave_room(None)?;
    let refused = shim.count(Count::NoRoom)? - before;
    if refused == 0 {
        return Err("nothing was written while there was no room".into());
    }
    Ok(format!("no room for {} ms: {refused} writes failed", time.as_millis()))
}

/// Another process holds the database's lock.
pub(super) async fn db_locked(stage: &Stage, time: Duration) -> Result<String> {
    let url = &stage.database.direct;
    let lock = match stage.database.kind {
        Kind::Sqlite => Lock::on_sqlite(url).await?,
        Kind::Postgres | Kind::Mariadb => Lock::on_table(url, "chat_rooms").await?,
    };
    sleep(time).await;
    lock.release().await?;
    Ok(format!("locked for {} s", time.as_secs()))
}

/// A sync fails.
pub(super) async fn fsync_fails_once(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let shim = stage.database.shim()?;
    sleep(rng.millis(0, 500)).await;
    let before = shim.count(Count::FailedSyncs)?;
    shim.fail_syncs(1)?;
    let failed = rises(shim, Count::FailedSyncs, before).await;
    shim.fail_syncs(0)?;
    if failed? { Ok("one sync failed".to_owned()) } else { Err("nothing was synced".into()) }
}

/// Syncs are slow.
pub(super) async fn slow_disk(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let (by, time) = (rng.millis(20, 400), rng.millis(1_000, 4_000));
    let shim = stage.database.shim()?;
    let before = shim.count(Count::DelayedSyncs)?;
    shim.delay_syncs(by)?;
    sleep(time).await;
    shim.delay_syncs(Duration::ZERO)?;
    let delayed = shim.count(Count::DelayedSyncs)? - before;
    if delayed == 0 {
        return Err("nothing was synced".into());
    }
    Ok(format!("{delayed} syncs took {} ms longer", by.as_millis()))
}

/// The wall clock jumps an hour ahead or back, and returns later.
pub(super) async fn clock_jump(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let (by, time) = (if rng.percent(50) { 3_600 } else { -3_600 }, rng.millis(500, 4_000));
    let shim = stage.database.shim()?;
    let before = shim.count(Count::ShiftedClocks)?;
    shim.set_clock_ahead(by)?;
    sleep(time).await;
    let asked = rises(shim, Count::ShiftedClocks, before).await;
    shim.set_clock_ahead(0)?;
    if !asked? {
        return Err("nobody asked for the time".into());
    }
    Ok(format!("{by:+} s for {} ms", time.as_millis()))
}

/// Kills the process, and undoes all that was not synced.
pub(super) async fn power_cut(stage: &Stage, rng: &mut Rng) -> Result<String> {
    sleep(rng.millis(0, 1_000)).await;
    let cut = if rng.percent(50) { Cut::Clean } else { Cut::Torn { seed: rng.next() } };
    let mut server = stage.server.lock().await;
    server.kill().await?;
    let lost = stage.database.shim()?.cut_power(cut)?;
    server.start().await?;
    let torn = if cut == Cut::Clean { "" } else { ", by chance" };
    Ok(format!("{} unsynced sectors undone, {} kept{torn}", lost.undone, lost.kept))
}

/// Waits a while for a count to rise; returns whether it did.
async fn rises(shim: &Shim, what: Count, before: u64) -> Result<bool> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while shim.count(what)? == before {
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(true)
}
