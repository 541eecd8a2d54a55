//! How fast users may do things.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    Actor, Error, Rate, UserId, UserRates,
    append::{MemberOp, MemberStep, Op},
    engine::lock::lock,
    state::Buckets,
};

/// What has a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rated {
    Messages,
    Changes,
    Typing,
    Attaches,
    Rooms,
    Joins,
    Searches,
    History,
}

impl Rated {
    /// All of them, in their order.
    const ALL: [Self; 8] = [
        Self::Messages,
        Self::Changes,
        Self::Typing,
        Self::Attaches,
        Self::Rooms,
        Self::Joins,
        Self::Searches,
        Self::History,
    ];

    /// What a change of a room's log counts to.
    pub(super) const fn of(op: &Op) -> Self {
        match op {
            Op::Message(_) => Self::Messages,
            Op::Mark(_) => Self::History,
            Op::Member(MemberOp { step: MemberStep::Join | MemberStep::Accept(_), .. }) => Self::Joins,
            Op::Edit(..)
            | Op::Delete(..)
            | Op::React(..)
            | Op::Pin(..)
            | Op::Prune(_)
            | Op::Member(_)
            | Op::Invite(_)
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
            Self::Joins => rates.joins,
            Self::Searches => rates.searches,
            Self::History => rates.history,
        }
    }
}

/// For each rate, a token bucket for each user who has come near it lately.
#[derive(Debug)]
pub(super) struct Rates([Option<Mutex<Buckets<UserId>>>; Rated::ALL.len()]);

/// A token that a command took. It is given back if the command turns out to have done nothing new.
#[derive(Debug)]
pub(super) struct Charge {
    rates: Arc<Rates>,
    user: UserId,
    what: Rated,
}

impl Rates {
    /// Limits each user to these rates. Remembers at most this many users for each.
    pub(super) fn new(rates: &UserRates, max_users: usize) -> Arc<Self> {
        let users = |what: Rated| what.rate(rates).map(|rate| Mutex::new(Buckets::new(rate, max_users)));
        Arc::new(Self(Rated::ALL.map(users)))
    }

    /// Takes a token from the bucket of the user who acts, if what they do is limited. Refuses as [`Error::RateLimited`] when
    /// it is empty.
    pub(super) fn take(self: &Arc<Self>, actor: &Actor, what: Rated, now: Duration) -> Result<Option<Charge>, Error> {
        let (Some(users), Actor::User(user)) = (&self.0[what as usize], actor) else { return Ok(None) };
        lock(users).take(user.id.clone(), now).map_err(|retry_after| Error::RateLimited { retry_after })?;
        Ok(Some(Charge { rates: Arc::clone(self), user: user.id.clone(), what }))
    }
}

impl Charge {
    pub(super) fn give_back(self) {
        if let Some(users) = &self.rates.0[self.what as usize] {
            lock(users).give_back(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn rates(rate: Rate, max_users: usize) -> Arc<Rates> {
        Rates::new(&UserRates { messages: Some(rate), searches: Some(rate), ..UserRates::UNLIMITED }, max_users)
    }

    fn user(name: &str) -> Actor {
        Actor::User(Identity::named(name).unwrap())
    }

    #[test]
    fn the_rates_stand_in_their_order() {
        assert!(Rated::ALL.iter().enumerate().all(|(at, what)| *what as usize == at));
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
