//! How fast users may send.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::{Error, Rate, UserId, engine::lock::lock, state::Bucket};

/// A token bucket for each user who has sent something lately.
#[derive(Debug)]
pub(super) struct Rates {
    rate: Option<Rate>,
    users: Mutex<Users>,
}

#[derive(Debug)]
struct Users {
    buckets: HashMap<UserId, Bucket>,
    sweep_at: usize,
    max: usize,
}

impl Rates {
    /// Limits each user to this rate. Remembers at most this many users.
    pub(super) fn new(rate: Option<Rate>, max_users: usize) -> Self {
        let (buckets, max) = (HashMap::new(), max_users.max(1));
        Self { rate, users: Mutex::new(Users { buckets, sweep_at: SWEEP_MIN.min(max), max }) }
    }

    /// Takes a token from the user's bucket. Refuses as [`Error::RateLimited`] when it is empty.
    pub(super) fn take(&self, user: &UserId, now: Duration) -> Result<(), Error> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut users = lock(&self.users);
        if !users.buckets.contains_key(user) {
            users.sweep(now);
        }
        let bucket = users.buckets.entry(user.clone()).or_insert_with(|| Bucket::new(rate, now));
        bucket.take(now).map_err(|retry_after| Error::RateLimited { retry_after })
    }
}

impl Users {
    /// Forgets full buckets, each time there are twice as many as were left the last time. When there are as many as may be,
    /// the fuller half goes: who comes with ever new names gains nothing by being forgotten.
    fn sweep(&mut self, now: Duration) {
        if self.buckets.len() < self.sweep_at {
            return;
        }
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
        if self.buckets.len() >= self.max {
            let mut buckets: Vec<_> = self.buckets.drain().collect();
            buckets.sort_unstable_by(|(_, one), (_, other)| one.level(now).total_cmp(&other.level(now)));
            buckets.truncate(self.max / 2);
            self.buckets.extend(buckets);
        }
        self.sweep_at = (self.buckets.len() * 2).max(SWEEP_MIN).min(self.max);
    }
}

const SWEEP_MIN: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_bucket_and_full_ones_are_forgotten() {
        let rates = Rates::new(Some(Rate { per_second: 1.0, burst: 1 }), 65_536);
        for n in 0..SWEEP_MIN {
            let user = UserId::new(&n.to_string()).unwrap();
            assert_eq!(rates.take(&user, Duration::ZERO), Ok(()));
            let refused = rates.take(&user, Duration::ZERO).unwrap_err();
            assert_eq!(refused, Error::RateLimited { retry_after: Duration::from_secs(1) });
        }
        let late = UserId::new("late").unwrap();
        assert_eq!(rates.take(&late, Duration::from_secs(1)), Ok(()));
        assert_eq!(lock(&rates.users).buckets.len(), 1);
    }

    #[test]
    fn users_are_remembered_up_to_a_number_those_who_sent_most_for_longest() {
        let rates = Rates::new(Some(Rate { per_second: 0.001, burst: 3 }), 2_000);
        let user = |name: &str| UserId::new(name).unwrap();
        for _ in 0..3 {
            rates.take(&user("greedy"), Duration::ZERO).unwrap();
        }
        for number in 0..20_000 {
            rates.take(&user(&number.to_string()), Duration::ZERO).unwrap();
            assert!(lock(&rates.users).buckets.len() <= 2_000);
        }
        assert!(rates.take(&user("greedy"), Duration::ZERO).is_err(), "whoever sent too much is not forgotten");
    }
}
