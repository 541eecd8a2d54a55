//! At most one signal of a kind in a while: at once if it has been quiet, else when the while is over.

use std::time::Duration;

/// When a signal that tells the whole truth is to be sent again.
#[derive(Debug)]
pub(super) struct Throttle {
    interval: Duration,
    last: Option<Duration>,
    changed: bool,
}

impl Throttle {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, last: None, changed: false }
    }

    /// What it tells is no longer what was told.
    pub(super) const fn mark(&mut self) {
        self.changed = true;
    }

    /// There is nothing to tell any more, or nobody to tell it to.
    pub(super) const fn clear(&mut self) {
        self.changed = false;
    }

    /// Whether to send now; counts as sent if so.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let due = self.poll_timeout().is_some_and(|at| at <= now);
        if due {
            self.changed = false;
            self.last = Some(now);
        }
        due
    }

    /// When to send, if there is something to send.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.changed.then(|| self.last.map_or(Duration::ZERO, |last| last + self.interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_after_quiet_then_once_an_interval() {
        let second = Duration::from_secs(1);
        let mut throttle = Throttle::new(second);
        assert!(!throttle.take(second), "nothing changed");
        throttle.mark();
        assert!(throttle.take(second));
        throttle.mark();
        assert!(!throttle.take(second * 3 / 2));
        assert_eq!(throttle.poll_timeout(), Some(second * 2));
        assert!(throttle.take(second * 2) && !throttle.take(second * 9));
    }
}
