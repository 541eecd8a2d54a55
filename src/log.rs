//! The log, on standard error. Logging never blocks or fails: lines that cannot be written are counted and dropped.

use std::{
    collections::HashMap,
    io::{self, IsTerminal, Write},
    panic::{self, PanicHookInfo},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use chat_core::log::LogLimit;
use clap::ValueEnum;
use metrics::{Counter, Unit, counter, describe_counter};
use tracing::{Event, Level, Subscriber, callsite::Identifier};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::progress;

/// The format of the log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts to log.
pub(crate) fn start(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lossy(io::stderr()));
    match format {
        Format::Text => log.with_ansi(io::stderr().is_terminal()).finish().with(Libraries::default()).init(),
        Format::Json => log.json().finish().with(Libraries::default()).init(),
    }
    panic::set_hook(Box::new(panicked));
}

/// Counts dropped lines in the metrics, once a recorder is installed.
pub(crate) fn measure() {
    describe_counter!(LINES_DROPPED, Unit::Count, "Lines of the log that could not be written");
    lines_dropped().increment(0);
    describe_counter!(LINES_LEFT_OUT, Unit::Count, "Lines of libraries that were left out of the log");
    lines_left_out().increment(0);
}

/// Limits the lines of libraries, separately for each place in their code: while a database is slow or down, they would
/// warn with every statement. Our own code has limits of its own, which say how many lines were left out.
#[derive(Debug, Default)]
struct Libraries(Mutex<HashMap<Identifier, LogLimit>>);

impl<S: Subscriber> Layer<S> for Libraries {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let place = event.metadata();
        // Finer levels are switched on to see everything.
        if *place.level() > Level::INFO || place.target().starts_with("chat") {
            return true;
        }
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passes = places.entry(place.callsite()).or_default().pass(Instant::now()).is_some();
        if !passes {
            lines_left_out().increment(1);
        }
        passes
    }
}

/// Logs where the code panicked. The message is left out, since it may contain parts of users' messages.
fn panicked(panic: &PanicHookInfo<'_>) {
    static PANICKED: LogLimit = LogLimit::new();
    let Some(left_out) = PANICKED.pass(Instant::now()) else { return };
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    tracing::error!(left_out, "panicked at {place}: {words}");
}

/// A writer that never fails. Otherwise logging would panic on a full disk, or after the reader of a pipe has gone.
#[derive(Debug)]
struct Lossy<W>(W);

impl<W: Write> Write for Lossy<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Each write is a whole line.
        if progress::beside(|| self.0.write_all(line)).is_err() {
            lines_dropped().increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is buffered here.
        Ok(())
    }
}

fn lines_dropped() -> Counter {
    counter!(LINES_DROPPED)
}

fn lines_left_out() -> Counter {
    counter!(LINES_LEFT_OUT)
}

const LINES_LEFT_OUT: &str = "chat_log_lines_left_out_total";
const LINES_DROPPED: &str = "chat_log_lines_dropped_total";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _line: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_nobodys_error() {
        let mut log = Lossy(Full);
        log.write_all(b"line\n").unwrap();
        log.flush().unwrap();
        let mut log = Lossy(Vec::new());
        log.write_all(b"line\n").unwrap();
        assert_eq!(log.0, b"line\n");
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The log after running this.
    fn logged(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber.with(Libraries::default()), log);
        let lines = lines.0.lock().unwrap().clone();
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn a_library_that_warns_with_every_statement_is_heard_once_in_a_while() {
        let lines = logged(|| {
            for number in 0..10_000 {
                tracing::warn!(target: "sqlx::query", number, "slow statement");
            }
            tracing::warn!(target: "sqlx::query", "another place in its code");
            for _ in 0..2 {
                tracing::info!(target: "chatd", "the chat's own places limit themselves");
            }
        });
        assert_eq!(lines.lines().count(), 4, "{lines}");
        assert!(lines.contains("number=0"), "{lines}");
    }
}
