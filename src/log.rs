//! The log, on standard error. It is never in the way: what cannot be written is counted and forgotten.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use metrics::{Counter, Unit, counter, describe_counter};
use tracing_subscriber::EnvFilter;

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
        Format::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        Format::Json => log.json().init(),
    }
}

/// Shows how much was forgotten, in a recorder that is there by now.
pub(crate) fn measure() {
    describe_counter!(LINES_DROPPED, Unit::Count, "Lines of the log that could not be written");
    lines_dropped().increment(0);
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

const LINES_DROPPED: &str = "chat_log_lines_dropped_total";

#[cfg(test)]
mod tests {
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
}
