//! What stands in a log: how often a line may, and how much of what an outsider supplied.
//!
//! Whatever outsiders or a broken database can cause often is logged in one way:
//!
//! ```
//! # use std::time::{Duration, Instant};
//! # use chat_core::log::{Excerpt, LogLimit};
//! # let (peer, cause) = ("mallory", "bell \u{7}");
//! static REFUSED: LogLimit = LogLimit::new(); // or a field of whoever logs
//!
//! if let Some(left_out) = REFUSED.pass(Instant::now()) {
//!     // tracing::warn!(left_out, peer, cause = %Excerpt(cause), "a peer was refused");
//! #   assert_eq!((left_out, Excerpt(cause).to_string()), (0, r"bell \u{7}".to_owned()));
//! }
//! ```

use std::{
    fmt::{self, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The target of records about security: who has done what to whom, by a name in the field `event`.
pub const SECURITY: &str = "chat::security";

/// Lets a line into the log once in a while, and counts how often it was left out in between.
///
/// Each place that logs has a limit of its own, so that none keeps another's line out.
#[derive(Debug)]
pub struct LogLimit(Mutex<Passed>);

#[derive(Debug)]
struct Passed {
    last: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// How long the next line is left out after one that passed: 10 s. So a fault that lasts shows in every look at the log,
    /// and a day of it is fewer than 9,000 lines.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// One that lets the first line pass.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Passed { last: None, left_out: 0 }))
    }

    /// Whether a line may be written now: if so, how many were left out since the last one that was.
    pub fn pass(&self, now: Instant) -> Option<u64> {
        // Nothing panics while this is held.
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.last.is_some_and(|last| now.saturating_duration_since(last) < Self::INTERVAL) {
            passed.left_out += 1;
            return None;
        }
        passed.last = Some(now);
        Some(std::mem::take(&mut passed.left_out))
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

/// A text that an outsider, or a database, supplied, as it may stand in a log: at most [`Excerpt::MAX`] characters of it, and
/// none that would control a terminal or begin a line.
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<T>(pub T);

impl Excerpt<()> {
    /// The most characters of a text that are shown.
    pub const MAX: usize = 256;
}

impl<T: fmt::Display> fmt::Display for Excerpt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cut = Cut { to: f, left: Excerpt::MAX, is_cut: false };
        let written = write!(cut, "{}", self.0);
        if cut.is_cut { f.write_str("…") } else { written }
    }
}

/// Writes so many characters, then refuses: whoever writes need not go on.
struct Cut<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    left: usize,
    is_cut: bool,
}

impl Write for Cut<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.left == 0 {
                self.is_cut = true;
                return Err(fmt::Error);
            }
            self.left -= 1;
            match character {
                // Escaped by Rust's own rule, which would also escape quotes: they do no harm.
                '\'' | '"' => self.to.write_char(character)?,
                _ => write!(self.to, "{}", character.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "where it begins does not matter")]
    fn a_line_passes_once_in_a_while_and_says_how_many_were_left_out() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        assert_eq!(limit.pass(start), Some(0));
        for _ in 0..1_000 {
            assert_eq!(limit.pass(start + Duration::from_secs(9)), None);
        }
        assert_eq!(limit.pass(start + LogLimit::INTERVAL), Some(1_000));
        assert_eq!(limit.pass(start + LogLimit::INTERVAL * 3), Some(0));
    }

    #[test]
    fn a_text_of_an_outsider_is_cut_and_controls_nothing() {
        assert_eq!(Excerpt("Jörg's \"room\" 会").to_string(), "Jörg's \"room\" 会");
        let controls = Excerpt("a\nERROR \u{1b}[2J\r\u{202e}\\\u{85}\u{9b}").to_string();
        assert_eq!(controls, r"a\nERROR \u{1b}[2J\r\u{202e}\\\u{85}\u{9b}");
        let long = Excerpt("x".repeat(1 << 20)).to_string();
        assert_eq!(long, format!("{}…", "x".repeat(Excerpt::MAX)));
        assert_eq!(Excerpt("x".repeat(Excerpt::MAX)).to_string().len(), Excerpt::MAX);
    }
}
