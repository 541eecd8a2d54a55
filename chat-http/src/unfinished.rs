//! Bodies and messages that have not arrived completely. They are held in memory, so all connections share a budget for
//! them, and each has a time limit.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// How long a request's body, or a message on a socket, may take from its first byte to its last.
pub(crate) const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// How many unfinished bytes all connections may hold together: 128 of the largest bodies.
const MOST: usize = 32 << 20;

/// So many bytes per connection are not counted, since each connection has a buffer of that size. What arrives in one
/// piece is always accepted.
const FREE: usize = 4 << 10;

/// The budget that all connections of a mount share.
#[derive(Debug, Clone)]
pub(crate) struct Unfinished(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    used: AtomicUsize,
    most: usize,
}

impl Default for Unfinished {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Unfinished {
    fn new(most: usize) -> Self {
        Self(Arc::new(Budget { used: AtomicUsize::new(0), most }))
    }

    /// The share of one connection. It is empty at first.
    pub(crate) fn share(&self) -> Share {
        Share { budget: Arc::clone(&self.0), bytes: 0 }
    }
}

/// What one connection holds of the budget. Dropping it gives that back.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Sets how many bytes this connection holds now.
    ///
    /// # Errors
    /// [`Overfull`] if all connections together would hold too much. Only the connection that asks for more is refused;
    /// nothing changes.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Overfull> {
        let bytes = bytes.saturating_sub(FREE);
        if let Some(less) = self.bytes.checked_sub(bytes) {
            self.budget.used.fetch_sub(less, Ordering::Relaxed);
        } else {
            let more = bytes - self.bytes;
            let used = self.budget.used.fetch_add(more, Ordering::Relaxed);
            if used + more > self.budget.most {
                self.budget.used.fetch_sub(more, Ordering::Relaxed);
                return Err(Overfull);
            }
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// All connections together hold as many unfinished bytes as they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overfull;

impl fmt::Display for Overfull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too much has come in that is not whole yet")
    }
}

impl Error for Overfull {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_more_than_there_is_gets_nothing_and_the_others_keep_what_they_have() {
        let unfinished = Unfinished::new(10 << 10);
        let (mut one, mut other) = (unfinished.share(), unfinished.share());
        one.hold(FREE + (8 << 10)).unwrap();
        assert_eq!(other.hold(FREE + (3 << 10)), Err(Overfull));
        other.hold(FREE).expect("what comes in one piece is always taken");
        one.hold(FREE + (7 << 10)).unwrap();
        other.hold(FREE + (3 << 10)).unwrap();
        drop(one);
        other.hold(FREE + (10 << 10)).unwrap();
        other.hold(0).unwrap();
        assert_eq!(unfinished.0.used.load(Ordering::Relaxed), 0);
    }
}
