//! Ways to break what a server depends on: its disk and clock ([`shim`], [`disk`]), its database ([`proxy`], [`lock`]),
//! its process ([`process`]) and the network to its clients ([`network`]). Each fault counts what it did, so that tests
//! can see that it happened.

use std::{fmt, io};

pub mod disk;
pub mod lock;
pub mod network;
pub mod power;
pub mod process;
pub mod proxy;
pub mod shim;

/// Why a fault could not be injected.
#[derive(Debug)]
pub enum FaultError {
    /// This machine or this user cannot do it.
    Impossible(String),
    /// A program that was run for it failed.
    Failed(String),
    /// The system refused.
    Io(io::Error),
    /// The database refused.
    Database(sea_orm::DbErr),
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impossible(why) => write!(f, "this fault cannot be made here: {why}"),
            Self::Failed(what) => write!(f, "the fault could not be made: {what}"),
            Self::Io(error) => write!(f, "the fault could not be made: {error}"),
            Self::Database(error) => write!(f, "the fault could not be made: {error}"),
        }
    }
}

impl std::error::Error for FaultError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Impossible(_) | Self::Failed(_) => None,
            Self::Io(error) => Some(error),
            Self::Database(error) => Some(error),
        }
    }
}

impl From<io::Error> for FaultError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<sea_orm::DbErr> for FaultError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error)
    }
}

/// A name for a folder that nothing else uses.
fn unique(what: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("chat-{what}-{}-{}-{since:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Runs a program that a fault needs, and returns its output.
async fn run(program: &str, args: &[&str]) -> Result<String, FaultError> {
    let output = tokio::process::Command::new(program).args(args).output().await;
    let output = output.map_err(|error| FaultError::Impossible(format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(FaultError::Failed(format!("{program} {}: {}, {}", args.join(" "), output.status, said.trim())))
}
