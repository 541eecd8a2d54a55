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
        self.take_many(1, now)
    }

    /// Takes so many at once, or none of them.
    ///
    /// # Errors
    /// How long to wait until there are so many.
    pub fn take_many(&mut self, count: u32, now: Duration) -> Result<(), Duration> {
        let full = f64::from(self.rate.burst).max(1.0);
        let passed = now.saturating_sub(self.last).as_secs_f64();
        self.tokens = passed.mul_add(self.rate.per_second, self.tokens).min(full);
        self.last = now;
        let count = f64::from(count);
        if self.tokens >= count {
            self.tokens -= count;
            return Ok(());
        }
        let missing = (count - self.tokens) / self.rate.per_second.max(f64::MIN_POSITIVE);
        Err(Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX))
    }

    /// Gives one back that was taken.
    pub fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(f64::from(self.rate.burst).max(1.0));
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

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let mut bucket = Bucket::new(Rate { per_second: 10.0, burst: 10 }, Duration::ZERO);
        assert_eq!(bucket.take_many(8, Duration::ZERO), Ok(()));
        assert_eq!(bucket.take_many(4, Duration::ZERO), Err(Duration::from_millis(200)));
        assert_eq!(bucket.take_many(2, Duration::ZERO), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut bucket = Bucket::new(Rate { per_second: 1.0, burst: 1 }, Duration::ZERO);
        for _ in 0..3 {
            bucket.take(Duration::ZERO).unwrap();
            bucket.give_back();
        }
        bucket.give_back();
        assert_eq!(bucket.take(Duration::ZERO), Ok(()));
        assert!(bucket.take(Duration::ZERO).is_err(), "there is never more in it than its burst");
    }
}
