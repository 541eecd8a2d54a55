//! A token bucket.

use std::time::Duration;

use crate::Rate;

/// A token bucket: so many a second on average, so many at once.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    last: Duration,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate, now: Duration) -> Self {
        Self { rate, tokens: f64::from(rate.burst), last: now }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let full = f64::from(self.rate.burst).max(1.0);
        let passed = now.saturating_sub(self.last).as_secs_f64();
        self.tokens = passed.mul_add(self.rate.per_second, self.tokens).min(full);
        self.last = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - self.tokens) / self.rate.per_second.max(f64::MIN_POSITIVE);
        Err(Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX))
    }

    /// How much is in it.
    #[must_use]
    pub fn level(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.last).as_secs_f64();
        passed.mul_add(self.rate.per_second, self.tokens).min(f64::from(self.rate.burst).max(1.0))
    }

    /// Whether it is full again, so that forgetting it changes nothing.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.last).as_secs_f64();
        passed.mul_add(self.rate.per_second, self.tokens) >= f64::from(self.rate.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::new(Rate { per_second: 2.0, burst: 3 }, Duration::ZERO);
        for _ in 0..3 {
            assert_eq!(bucket.take(Duration::ZERO), Ok(()));
        }
        assert_eq!(bucket.take(Duration::ZERO), Err(Duration::from_millis(500)));
        assert!(!bucket.is_full(Duration::from_secs(1)));
        assert_eq!(bucket.take(Duration::from_millis(500)), Ok(()));
        assert!(bucket.is_full(Duration::from_secs(2)));
    }
}
