//! Token buckets by key: of users, or of whatever else has a rate.

use std::{collections::HashMap, hash::Hash, time::Duration};

use crate::{Rate, state::Bucket};

/// A token bucket for each key that has come near its rate lately. There are never more than a number of them, whoever comes
/// with however many keys.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    most: usize,
    sweep_at: usize,
    buckets: HashMap<K, Bucket>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Limits each key to this rate, and remembers at most so many.
    #[must_use]
    pub fn new(rate: Rate, most: usize) -> Self {
        let most = most.max(1);
        Self { rate, most, sweep_at: SWEEP_MIN.min(most), buckets: HashMap::new() }
    }

    /// Takes a token from the bucket of this key.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub fn take(&mut self, key: K, now: Duration) -> Result<(), Duration> {
        if self.buckets.len() >= self.sweep_at && !self.buckets.contains_key(&key) {
            self.sweep(now);
        }
        self.buckets.entry(key).or_insert_with(|| Bucket::new(self.rate, now)).take(now)
    }

    /// Gives one back that was taken.
    pub fn give_back(&mut self, key: &K) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.give_back();
        }
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Forgets full buckets, each time there are twice as many as were left the last time. When there are as many as may be,
    /// the fuller half goes: who comes with ever new keys gains nothing by being forgotten.
    fn sweep(&mut self, now: Duration) {
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
        if self.buckets.len() >= self.most {
            let mut buckets: Vec<_> = self.buckets.drain().collect();
            buckets.sort_unstable_by(|(_, one), (_, other)| one.level(now).total_cmp(&other.level(now)));
            buckets.truncate(self.most / 2);
            self.buckets.extend(buckets);
        }
        self.sweep_at = (self.buckets.len() * 2).max(SWEEP_MIN).min(self.most);
    }
}

const SWEEP_MIN: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_bucket_and_full_ones_are_forgotten() {
        let mut buckets = Buckets::new(Rate { per_second: 1.0, burst: 1 }, 65_536);
        for key in 0..SWEEP_MIN {
            assert_eq!(buckets.take(key, Duration::ZERO), Ok(()));
            assert_eq!(buckets.take(key, Duration::ZERO), Err(Duration::from_secs(1)));
        }
        buckets.take(SWEEP_MIN, Duration::from_secs(1)).unwrap();
        assert_eq!(buckets.len(), 1);
    }

    #[test]
    fn keys_are_remembered_up_to_a_number_those_that_took_most_for_longest() {
        let mut buckets = Buckets::new(Rate { per_second: 0.001, burst: 3 }, 2_000);
        for _ in 0..3 {
            buckets.take(0, Duration::ZERO).unwrap();
        }
        for key in 1..20_000 {
            buckets.take(key, Duration::ZERO).unwrap();
            assert!(buckets.len() <= 2_000);
        }
        assert!(buckets.take(0, Duration::ZERO).is_err(), "whoever took too much is not forgotten");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut buckets = Buckets::new(Rate { per_second: 1.0, burst: 1 }, 10);
        for _ in 0..3 {
            buckets.take("bob", Duration::ZERO).unwrap();
            buckets.give_back(&"bob");
        }
        buckets.give_back(&"nobody");
        assert_eq!(buckets.len(), 1);
    }
}
