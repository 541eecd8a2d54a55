//! What happened, line by line: hashed always, kept when asked for.

use std::fmt::{self, Write};

/// A trace. Two runs of one seed have the same.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: keep.then(Vec::new) }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            let text = line.to_string();
            // Hashing a string never fails.
            let _ = Hasher(&mut self.hash).write_str(&text);
            lines.push(text);
        } else {
            let _ = Hasher(&mut self.hash).write_fmt(line);
        }
        self.hash = (self.hash ^ u64::from(b'\n')).wrapping_mul(PRIME);
    }

    /// The hash of all lines.
    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

struct Hasher<'a>(&'a mut u64);

impl Write for Hasher<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.0 = (*self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        Ok(())
    }
}

const PRIME: u64 = 0x0000_0100_0000_01b3;
