//! Signals to a process, its limits, and what it uses.

use std::{fs, time::Duration};

use super::{FaultError, run};

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Stops the process until [`Signal::Continue`].
    Stop,
    /// Continues the process.
    Continue,
    /// Asks the process to end.
    Terminate,
    /// Asks the process to read its files again.
    HangUp,
    /// Ends the process at once.
    Kill,
}

/// Sends a signal to a process.
///
/// # Errors
/// [`FaultError::Failed`] if there is no such process.
pub async fn signal(pid: u32, signal: Signal) -> Result<(), FaultError> {
    let name = match signal {
        Signal::Stop => "-STOP",
        Signal::Continue => "-CONT",
        Signal::Terminate => "-TERM",
        Signal::HangUp => "-HUP",
        Signal::Kill => "-KILL",
    };
    run("kill", &[name, &pid.to_string()]).await.map(drop)
}

/// Limits how many file descriptors a process may have. It keeps those that it has; the limit may be raised again
/// later.
///
/// # Errors
/// [`FaultError::Impossible`] without `prlimit`; [`FaultError::Failed`] if it is refused.
pub async fn limit_descriptors(pid: u32, most: usize) -> Result<(), FaultError> {
    run("prlimit", &["--pid", &pid.to_string(), &format!("--nofile={most}:")]).await.map(drop)
}

/// How many file descriptors a process may have, as [`limit_descriptors`] sets it.
///
/// # Errors
/// What the system says.
pub fn descriptor_limit(pid: u32) -> Result<usize, FaultError> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    soft.ok_or_else(|| FaultError::Failed(format!("not understood: {limits}")))
}

/// How many file descriptors a process has open.
///
/// # Errors
/// What the system says.
pub fn descriptors(pid: u32) -> Result<usize, FaultError> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// The processor time that a process has used.
///
/// # Errors
/// What the system says.
pub fn cpu_time(pid: u32) -> Result<Duration, FaultError> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or_else(|| FaultError::Failed(format!("not understood: {stat}")))?;
    Ok(Duration::from_millis(ticks * 10))
}

/// User and system time, in hundredths of a second. They are the fields 14 and 15; the name before them may contain
/// anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use tokio::process::{Child, Command};

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap()
    }

    #[test]
    fn the_times_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 1 0 9 0 0";
        assert_eq!(ticks(stat), Some(42));
    }

    #[tokio::test]
    async fn a_process_stands_still_goes_on_and_ends() {
        let mut process = sleeper();
        let pid = process.id().unwrap();
        let state = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().split(' ').nth(2).unwrap().to_owned();
        signal(pid, Signal::Stop).await.unwrap();
        while state() != "T" {
            tokio::task::yield_now().await;
        }
        signal(pid, Signal::Continue).await.unwrap();
        while state() == "T" {
            tokio::task::yield_now().await;
        }
        signal(pid, Signal::Kill).await.unwrap();
        assert!(!process.wait().await.unwrap().success());
        assert!(signal(pid, Signal::Terminate).await.is_err(), "nobody is there");
    }

    #[tokio::test]
    async fn descriptors_are_counted_and_limited() {
        let process = sleeper();
        let pid = process.id().unwrap();
        assert!(descriptors(pid).unwrap() >= 3);
        limit_descriptors(pid, 17).await.unwrap();
        assert_eq!(descriptor_limit(pid).unwrap(), 17);
        assert!(cpu_time(pid).unwrap() < Duration::from_secs(5));
    }
}
