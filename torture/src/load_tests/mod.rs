//! `cargo xtask torture --load-tests`: what many clients cost, and how fast they come back.

mod crowd;
mod slow;
mod storm;

use std::{env, fs, path::Path, process};

use crate::server::Result;

/// Measures, and returns a report: a storm of 10,000 sockets that lose their server, and 50 of 1,000 clients that stop
/// reading.
///
/// # Errors
/// A server does not start, or does not do what it promises. The error contains what was measured.
pub async fn run(program: &Path) -> Result<String> {
    let folder = env::temp_dir().join(format!("chat-load-tests-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(program, &folder).await;
    fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(program: &Path, folder: &Path) -> Result<String> {
    eprintln!("a storm: 10,000 sockets lose their server; this takes about a minute");
    let storm = storm::run(program, folder).await?;
    eprintln!("slow readers: 50 of 1,000 clients stop reading; this takes about a minute");
    let slow = slow::run(program, folder).await.map_err(|error| format!("{storm}\n{error}"))?;
    Ok(format!("{storm}\n{slow}"))
}
