//! How many connections there may be from one address, and how fast they may come.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use chat_core::{AddressLimits, Error, state::Buckets};
use tokio::time::Instant;

use super::{Network, rate::MOST};

/// Counts the connections of a server by their addresses. All clones are the same one. It is open to everyone until its limits
/// are set, since a server may listen before they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<OnceLock<Inner>>);

#[derive(Debug)]
struct Inner {
    /// What the rates count from.
    begun: Instant,
    connections: Mutex<Connections>,
}

/// A connection that has come to the gate. It counts until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Entrance {
    _place: Option<Place>,
    refusal: Option<Error>,
}

#[derive(Debug)]
struct Place {
    gate: Arc<OnceLock<Inner>>,
    from: Network,
}

impl Gate {
    /// Sets the limits. They are set once.
    pub(crate) fn set(&self, limits: &AddressLimits) {
        let connections = Mutex::new(Connections::new(limits));
        drop(self.0.set(Inner { begun: Instant::now(), connections }));
    }

    /// Counts a connection. `None`: so many are being refused that this one is to be closed without a word.
    pub(crate) fn connect(&self, from: Network) -> Option<Entrance> {
        self.enter(from, true)
    }

    /// Counts a request that a proxy has passed on, as a connection that ends with its answer. Only what lasts, a socket or an
    /// event stream, counts towards the rate.
    pub(crate) fn forward(&self, from: Network, lasts: bool) -> Entrance {
        let refused = Entrance { _place: None, refusal: Some(Error::RateLimited { retry_after: WAIT }) };
        self.enter(from, lasts).unwrap_or(refused)
    }

    fn enter(&self, from: Network, is_new: bool) -> Option<Entrance> {
        let Some(inner) = self.0.get() else { return Some(Entrance::default()) };
        let answer = inner.connections().enter(from, is_new, inner.begun.elapsed());
        let refusal = match answer {
            Answer::Yes => None,
            Answer::No(retry_after) => Some(Error::RateLimited { retry_after }),
            Answer::NoMore => return None,
        };
        Some(Entrance { _place: Some(Place { gate: Arc::clone(&self.0), from }), refusal })
    }
}

impl Inner {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        // No code panics while it holds this lock.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entrance {
    /// Why the connection is refused, if it is. It is told so, and ends.
    pub(crate) const fn refusal(&self) -> Option<&Error> {
        self.refusal.as_ref()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(inner) = self.gate.get() {
            inner.connections().leave(self.from);
        }
    }
}

/// The connections from each address, as a pure value.
#[derive(Debug)]
struct Connections {
    most: usize,
    rate: Option<Buckets<Network>>,
    /// Only addresses with connections, so there are never more than connections.
    open: HashMap<Network, usize>,
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    /// Not now; perhaps after this.
    No(Duration),
    /// No, and so many are being told so that this one is not.
    NoMore,
}

impl Connections {
    fn new(limits: &AddressLimits) -> Self {
        let rate = limits.connecting.map(|rate| Buckets::new(rate, MOST));
        Self { most: limits.connections.unwrap_or(usize::MAX), rate, open: HashMap::new() }
    }

    fn enter(&mut self, from: Network, is_new: bool, now: Duration) -> Answer {
        let open = self.open.get(&from).copied().unwrap_or(0);
        // One that is refused counts, too, until it has been told so.
        if open >= self.most.saturating_mul(2) {
            return Answer::NoMore;
        }
        let too_fast = self.rate.as_mut().filter(|_| is_new).and_then(|rate| rate.take(from, now).err());
        let refused = if open >= self.most { Some(WAIT) } else { too_fast };
        *self.open.entry(from).or_default() += 1;
        refused.map_or(Answer::Yes, Answer::No)
    }

    fn leave(&mut self, from: Network) {
        if let Some(open) = self.open.get_mut(&from) {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&from);
            }
        }
    }
}

/// When to try again, where nobody knows when a place becomes free.
const WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use chat_core::Rate;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn limits(connections: Option<usize>, burst: Option<u32>) -> AddressLimits {
        let mut limits = AddressLimits::UNLIMITED;
        limits.connections = connections;
        limits.connecting = burst.map(|burst| Rate { per_second: 1.0, burst });
        limits
    }

    #[test]
    fn an_address_has_so_many_connections_and_others_have_theirs() {
        let mut connections = Connections::new(&limits(Some(2), None));
        let (one, other) = (network("192.0.2.1"), network("192.0.2.2"));
        let answers = [(); 5].map(|()| connections.enter(one, true, Duration::ZERO));
        let no = || Answer::No(WAIT);
        assert_eq!(answers, [Answer::Yes, Answer::Yes, no(), no(), Answer::NoMore]);
        assert_eq!(connections.enter(other, true, Duration::ZERO), Answer::Yes);
        for _ in 0..3 {
            connections.leave(one);
        }
        assert_eq!(connections.enter(one, true, Duration::ZERO), Answer::Yes);
    }

    #[test]
    fn connections_that_come_too_fast_are_told_how_long_to_wait() {
        let mut connections = Connections::new(&limits(None, Some(2)));
        let from = network("2001:db8::1");
        for _ in 0..2 {
            assert_eq!(connections.enter(from, true, Duration::ZERO), Answer::Yes);
            connections.leave(from);
        }
        assert_eq!(connections.enter(from, true, Duration::ZERO), Answer::No(Duration::from_secs(1)));
        assert_eq!(connections.enter(from, false, Duration::ZERO), Answer::Yes, "it is not a new one");
        assert_eq!(connections.enter(from, true, Duration::from_secs(1)), Answer::Yes);
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let (gate, from) = (Gate::default(), network("192.0.2.1"));
        let before = gate.connect(from).unwrap();
        gate.set(&limits(Some(1), None));
        let (admitted, refused) = (gate.connect(from).unwrap(), gate.connect(from).unwrap());
        assert!(before.refusal().is_none() && admitted.refusal().is_none());
        assert_eq!(refused.refusal(), Some(&Error::RateLimited { retry_after: WAIT }));
        assert!(gate.connect(from).is_none());
        assert!(gate.forward(from, true).refusal().is_some());
        drop((before, admitted, refused));
        assert!(gate.0.get().unwrap().connections().open.is_empty());
    }

    #[test]
    fn nothing_is_limited_unless_it_is_set() {
        let mut connections = Connections::new(&AddressLimits::UNLIMITED);
        assert!((0..10_000).all(|_| connections.enter(network("::1"), true, Duration::ZERO) == Answer::Yes));
    }
}
