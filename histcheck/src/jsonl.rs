//! Reads and writes histories as files with one record per line.

use std::{
    error,
    fmt::{self, Display, Formatter},
    io::{self, BufRead, Write},
};

use crate::history::Record;

/// Reads a history; empty lines are skipped.
///
/// # Errors
/// [`ReadError`] with the line, if the input cannot be read or a line is not a record.
pub fn read(input: impl BufRead) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    for (index, text) in input.lines().enumerate() {
        let line = index + 1;
        let text = text.map_err(|error| ReadError { line, cause: Cause::Io(error) })?;
        if !text.trim().is_empty() {
            let record = serde_json::from_str(&text).map_err(|error| ReadError { line, cause: Cause::Json(error) })?;
            records.push(record);
        }
    }
    Ok(records)
}

/// Writes a record as one line.
///
/// # Errors
/// The error of writing to `output`.
pub fn write(output: &mut impl Write, record: &Record) -> io::Result<()> {
    serde_json::to_writer(&mut *output, record)?;
    output.write_all(b"\n")
}

/// The error of reading a history.
#[derive(Debug)]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    Json(serde_json::Error),
}

impl Display for ReadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Io(error) => write!(f, "line {} cannot be read: {error}", self.line),
            Cause::Json(error) => write!(f, "line {} is no record: {error}", self.line),
        }
    }
}

impl error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        builder::{HistoryBuilder, attach_from, delivered, message, position, send, sent, viewed},
        history::{Attached, Phase, What},
    };

    #[test]
    fn what_is_written_is_read_again() {
        let mut builder = HistoryBuilder::new();
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.did(1, "ann", send(1, "k2", Err("unavailable")));
        builder.unanswered(1, "ann", send(1, "k3", Err("?")));
        let gap = Attached::Resumed { head: position(1), events: vec![message(1, "ann", "k1")] };
        builder.did(2, "bob", attach_from(1, Some(position(0)), gap));
        builder.saw(2, "bob", delivered(1, message(2, "ann", "k3")));
        builder.did(3, "bob", viewed(1, &["ann", "bob"]));
        builder.saw(2, "bob", What::HalfOpen);
        builder.saw(2, "bob", What::Closed { code: Some(4560), by_client: false });
        builder.phase(Phase::Fault("kill".into()));
        let records = builder.records();
        let mut file = Vec::new();
        for record in &records {
            write(&mut file, record).unwrap();
        }
        assert_eq!(read(file.as_slice()).unwrap(), records);
    }

    #[test]
    fn the_line_that_is_none_is_told() {
        let error = read("\n{\"process\":1}\n".as_bytes()).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.to_string().starts_with("line 2 is no record: "), "{error}");
    }
}
