//! The log, on standard error. It is never in the way: what cannot be written is counted and forgotten.

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

/// How the log is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs from now on.
pub(crate) fn start(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lossy(io::stderr()));
    match format {
        Format::Text => log.with_ansi(io::stderr().is_terminal()).finish().with(Libraries::default()).init(),
        Format::Json => log.json().finish().with(Libraries::default()).init(),
    }
    panic::set_hook(Box::new(panicked));
}

/// Shows how much was forgotten, in a recorder that is there by now.
pub(crate) fn measure() {
    describe_counter!(LINES_DROPPED, Unit::Count, "Lines of the log that could not be written");
    lines_dropped().increment(0);
    describe_counter!(LINES_LEFT_OUT, Unit::Count, "Lines of libraries that were left out of the log");
    lines_left_out().increment(0);
}

/// Limits the lines of libraries, each place in their code by itself: one database that is slow or gone has them warn with
/// every statement. The chat's own places have limits of their own, which say how many lines were left out.
#[derive(Debug, Default)]
struct Libraries(Mutex<HashMap<Identifier, LogLimit>>);

impl<S: Subscriber> Layer<S> for Libraries {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let place = event.metadata();
        // Below info it is asked for, to look closer.
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

/// Says where the code has a defect. What a panic says beyond plain words may have parts of messages in it.
fn panicked(panic: &PanicHookInfo<'_>) {
    static PANICKED: LogLimit = LogLimit::new();
    let Some(left_out) = PANICKED.pass(Instant::now()) else { return };
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    tracing::error!(left_out, "panicked at {place}: {words}");
}

/// A writer that always succeeds: whoever writes a log line would panic where it fails, on a full disk or after the reader
/// of a pipe has gone.
#[derive(Debug)]
struct Lossy<W>(W);

impl<W: Write> Write for Lossy<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A line comes whole.
        if self.0.write_all(line).is_err() {
            lines_dropped().increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is held back here.
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

    /// What a log looks like after this.
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
