//! Counts what waits for all sessions of an engine together, without a lock.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::state::Overflow;

/// How many bytes wait for all sessions together, and how many may.
#[derive(Debug)]
pub(super) struct Waiting {
    bytes: AtomicUsize,
    most: Option<usize>,
}

/// What waits for one session. Dropping it says that nothing does any more.
#[derive(Debug)]
pub(super) struct WaitingShare {
    of: Arc<Waiting>,
    bytes: usize,
}

/// What waits is counted in steps of so many bytes. So readers that keep up, as nearly all do, change nothing that others use.
const STEP: usize = 64 << 10;

impl Waiting {
    pub(super) fn new(most: Option<usize>) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), most })
    }

    /// The share of one session. It is empty at first.
    pub(super) fn share(self: &Arc<Self>) -> WaitingShare {
        WaitingShare { of: Arc::clone(self), bytes: 0 }
    }
}

impl WaitingShare {
    /// Sets how many bytes wait for this session now. Refuses if there are more by a step, and all together are too many: then
    /// this session is one of those for which most waits.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), Overflow> {
        let bytes = bytes / STEP * STEP;
        let Some(most) = self.of.most.filter(|_| bytes != self.bytes) else { return Ok(()) };
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes < before {
            self.of.bytes.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        let more = bytes - before;
        let all = self.of.bytes.fetch_add(more, Ordering::Relaxed) + more;
        if all > most { Err(Overflow) } else { Ok(()) }
    }
}

impl Drop for WaitingShare {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lets_more_wait_goes_when_all_together_is_too_much() {
        let waiting = Waiting::new(Some(4 * STEP));
        let (mut slow, mut slower, mut fast) = (waiting.share(), waiting.share(), waiting.share());
        slow.set(STEP).unwrap();
        slower.set(3 * STEP).unwrap();
        slow.set(2 * STEP - 1).expect("it is not a step more");
        fast.set(STEP - 1).expect("who keeps up is never cut");
        assert_eq!(slower.set(4 * STEP), Err(Overflow));
        drop(slower);
        slow.set(4 * STEP).unwrap();
        slow.set(0).unwrap();
        drop((slow, fast));
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn nothing_is_counted_without_a_limit() {
        let waiting = Waiting::new(None);
        let mut share = waiting.share();
        share.set(usize::MAX).unwrap();
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }
}
