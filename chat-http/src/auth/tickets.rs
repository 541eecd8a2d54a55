//! One-time tickets: who has credentials in a request gets one for a socket, where browsers set no headers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_core::{Error, UserId};
use tokio::time::Instant;

use super::authenticator::Authenticated;

/// How long a ticket is good.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(30);
/// How many there may be at once, of all users and of one. Whoever needs more opens sockets faster than they can be of use.
const MOST: usize = 10_000;
const MOST_OF_ONE: usize = 50;

/// The tickets that are out.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By their texts, which are secret.
    out: HashMap<String, (Instant, Authenticated)>,
    /// All of them and some that were used, oldest first.
    order: VecDeque<(Instant, String)>,
    of_user: HashMap<UserId, usize>,
}

impl Tickets {
    /// A new ticket for who was authenticated so.
    pub(super) fn issue(&self, found: &Authenticated) -> Result<String, Error> {
        let user = &found.identity().ok_or(Error::Unauthenticated)?.id;
        let now = Instant::now();
        let mut table = self.table(now);
        if table.of_user.get(user).is_some_and(|count| *count >= MOST_OF_ONE) {
            return Err(Error::TooMany { what: "tickets".into() });
        }
        if table.order.len() >= MOST {
            return Err(Error::Overloaded);
        }
        let ticket = random()?;
        *table.of_user.entry(user.clone()).or_default() += 1;
        table.order.push_back((now, ticket.clone()));
        table.out.insert(ticket.clone(), (now, found.clone()));
        Ok(ticket)
    }

    /// Whose ticket this is, once.
    pub(super) fn take(&self, ticket: &str) -> Option<Authenticated> {
        self.table(Instant::now()).remove(ticket)
    }

    /// The table without tickets that are over.
    fn table(&self, now: Instant) -> MutexGuard<'_, Table> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((issued, _)) = table.order.front()
            && now.duration_since(*issued) >= GOOD_FOR
            && let Some((_, ticket)) = table.order.pop_front()
        {
            table.remove(&ticket);
        }
        table
    }
}

impl Table {
    fn remove(&mut self, ticket: &str) -> Option<Authenticated> {
        let (_, found) = self.out.remove(ticket)?;
        if let Some(user) = found.identity()
            && let Some(count) = self.of_user.get_mut(&user.id)
        {
            *count -= 1;
            if *count == 0 {
                self.of_user.remove(&user.id);
            }
        }
        Some(found)
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("out", &self.out.len()).finish_non_exhaustive()
    }
}

/// 128 bits that nobody can guess, in hexadecimal digits.
fn random() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Unavailable)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use chat_core::Identity;
    use tokio::time::advance;

    use super::*;

    fn alice() -> Authenticated {
        Identity::named("Alice").unwrap().into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_a_while() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(&alice()).unwrap();
        assert!(ticket.len() == 32 && ticket != tickets.issue(&alice()).unwrap());
        assert_eq!(tickets.take("x"), None);
        assert_eq!(tickets.take(&ticket), Some(alice()));
        assert_eq!(tickets.take(&ticket), None);
        let late = tickets.issue(&alice()).unwrap();
        advance(GOOD_FOR - Duration::from_millis(1)).await;
        let later = tickets.issue(&alice()).unwrap();
        advance(Duration::from_millis(1)).await;
        assert_eq!(tickets.take(&late), None);
        assert_eq!(tickets.take(&later), Some(alice()));
        assert!(tickets.issue(&Authenticated::anonymous()).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_not_too_many() {
        let tickets = Tickets::default();
        for _ in 0..MOST_OF_ONE {
            tickets.issue(&alice()).unwrap();
        }
        assert_eq!(tickets.issue(&alice()).unwrap_err().code(), "too_many");
        for number in MOST_OF_ONE..MOST {
            tickets.issue(&Identity::named(&number.to_string()).unwrap().into()).unwrap();
        }
        let bob: Authenticated = Identity::named("Bob").unwrap().into();
        assert_eq!(tickets.issue(&bob), Err(Error::Overloaded));
        advance(GOOD_FOR).await;
        tickets.issue(&bob).unwrap();
        let table = tickets.table(Instant::now());
        assert_eq!((table.out.len(), table.order.len(), table.of_user.len()), (1, 1, 1));
    }
}
