//! How fast users may do things.

use std::{
    array,
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{Actor, Error, Rate, UserId, UserRates, append::Op, engine::lock::lock, state::Bucket};

/// What has a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rated {
    Messages,
    Changes,
    Typing,
    Attaches,
    Rooms,
    Searches,
    History,
}

impl Rated {
    /// How many there are.
    const COUNT: usize = Self::History as usize + 1;

    /// What a change of a room's log counts to.
    pub(super) const fn of(op: &Op) -> Self {
        match op {
            Op::Message(_) => Self::Messages,
            Op::Mark(_) => Self::History,
            Op::Edit(..)
            | Op::Delete(..)
            | Op::React(..)
            | Op::Pin(..)
            | Op::Prune(_)
            | Op::Member(_)
            | Op::UpdateRoom(_)
            | Op::DeleteRoom => Self::Changes,
        }
    }

    const fn rate(self, rates: &UserRates) -> Option<Rate> {
        match self {
            Self::Messages => rates.messages,
            Self::Changes => rates.changes,
            Self::Typing => rates.typing,
            Self::Attaches => rates.attaches,
            Self::Rooms => rates.rooms,
            Self::Searches => rates.searches,
            Self::History => rates.history,
        }
    }
}

/// For each rate, a token bucket for each user who has come near it lately.
#[derive(Debug)]
pub(super) struct Rates {
    rates: UserRates,
    users: [Mutex<Users>; Rated::COUNT],
}

#[derive(Debug)]
struct Users {
    buckets: HashMap<UserId, Bucket>,
    sweep_at: usize,
    max: usize,
}

/// A token that a command took. It is given back if the command turns out to have done nothing new.
#[derive(Debug)]
pub(super) struct Charge {
    rates: Arc<Rates>,
    user: UserId,
    what: Rated,
}

impl Rates {
    /// Limits each user to these rates. Remembers at most this many users for each.
    pub(super) fn new(rates: UserRates, max_users: usize) -> Arc<Self> {
        let max = max_users.max(1);
        let users =
            array::from_fn(|_| Mutex::new(Users { buckets: HashMap::new(), sweep_at: SWEEP_MIN.min(max), max }));
        Arc::new(Self { rates, users })
    }

    /// Takes a token from the bucket of the user who acts, if what they do is limited. Refuses as [`Error::RateLimited`] when
    /// it is empty.
    pub(super) fn take(self: &Arc<Self>, actor: &Actor, what: Rated, now: Duration) -> Result<Option<Charge>, Error> {
        let (Some(rate), Actor::User(user)) = (what.rate(&self.rates), actor) else { return Ok(None) };
        let mut users = lock(&self.users[what as usize]);
        if !users.buckets.contains_key(&user.id) {
            users.sweep(now);
        }
        let bucket = users.buckets.entry(user.id.clone()).or_insert_with(|| Bucket::new(rate, now));
        bucket.take(now).map_err(|retry_after| Error::RateLimited { retry_after })?;
        Ok(Some(Charge { rates: Arc::clone(self), user: user.id.clone(), what }))
    }
}

impl Charge {
    pub(super) fn give_back(self) {
        if let Some(bucket) = lock(&self.rates.users[self.what as usize]).buckets.get_mut(&self.user) {
            bucket.give_back();
        }
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
    use crate::Identity;

    fn rates(rate: Rate, max_users: usize) -> Arc<Rates> {
        Rates::new(UserRates { messages: Some(rate), searches: Some(rate), ..UserRates::UNLIMITED }, max_users)
    }

    fn user(name: &str) -> Actor {
        Actor::User(Identity::named(name).unwrap())
    }

    fn remembered(rates: &Rates) -> usize {
        lock(&rates.users[Rated::Messages as usize]).buckets.len()
    }

    #[test]
    fn each_user_has_a_bucket_and_full_ones_are_forgotten() {
        let rates = rates(Rate { per_second: 1.0, burst: 1 }, 65_536);
        for n in 0..SWEEP_MIN {
            let user = user(&n.to_string());
            rates.take(&user, Rated::Messages, Duration::ZERO).unwrap();
            let refused = rates.take(&user, Rated::Messages, Duration::ZERO).unwrap_err();
            assert_eq!(refused, Error::RateLimited { retry_after: Duration::from_secs(1) });
        }
        rates.take(&user("late"), Rated::Messages, Duration::from_secs(1)).unwrap();
        assert_eq!(remembered(&rates), 1);
    }

    #[test]
    fn users_are_remembered_up_to_a_number_those_who_sent_most_for_longest() {
        let rates = rates(Rate { per_second: 0.001, burst: 3 }, 2_000);
        for _ in 0..3 {
            rates.take(&user("greedy"), Rated::Messages, Duration::ZERO).unwrap();
        }
        for number in 0..20_000 {
            rates.take(&user(&number.to_string()), Rated::Messages, Duration::ZERO).unwrap();
            assert!(remembered(&rates) <= 2_000);
        }
        let refused = rates.take(&user("greedy"), Rated::Messages, Duration::ZERO);
        assert!(refused.is_err(), "whoever sent too much is not forgotten");
    }

    #[test]
    fn each_rate_has_buckets_of_its_own_and_the_host_none() {
        let rates = rates(Rate { per_second: 1.0, burst: 1 }, 10);
        for what in [Rated::Messages, Rated::Searches] {
            rates.take(&user("bob"), what, Duration::ZERO).unwrap();
            assert!(rates.take(&user("bob"), what, Duration::ZERO).is_err());
        }
        let bob = Identity::named("bob").unwrap();
        for actor in [Actor::System, Actor::SystemAs(bob), Actor::Anonymous] {
            assert!(rates.take(&actor, Rated::Messages, Duration::ZERO).unwrap().is_none(), "{actor:?}");
        }
        assert!(rates.take(&user("bob"), Rated::History, Duration::ZERO).unwrap().is_none(), "it is not limited");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let rates = rates(Rate { per_second: 1.0, burst: 1 }, 10);
        for _ in 0..3 {
            rates.take(&user("bob"), Rated::Messages, Duration::ZERO).unwrap().unwrap().give_back();
        }
    }
}
