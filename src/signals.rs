//! The signals that ask this process to stop, or to read its files again.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Receives the signals from its creation on: none is lost, and none ends the process by default.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signals(Option<(Signal, Signal)>);

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Self {
        Self(
            signal(SignalKind::terminate())
                .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)))
                .ok(),
        )
    }

    /// Waits for the next signal, and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        match &mut self.0 {
            Some((terminate, interrupt)) => tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            },
            None => std::future::pending().await,
        }
    }
}

/// Receives SIGHUP from its creation on, and then it does not end the process.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Hangups(Option<Signal>);

#[cfg(unix)]
impl Hangups {
    pub(crate) fn new() -> Self {
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// There is no such signal here.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// Waits for ever.
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}

/// Receives Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) const fn new() -> Self {
        Self
    }

    /// Waits for the next signal, and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process;

    use tokio::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_signal_that_nobody_waits_for_is_not_lost() {
        let mut signals = Signals::new();
        let sent = Command::new("kill").args(["-TERM", &process::id().to_string()]).status().await.unwrap();
        assert!(sent.success());
        assert_eq!(signals.next().await, "SIGTERM");
    }
}
