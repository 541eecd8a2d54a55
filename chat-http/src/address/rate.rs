//! How often something may be done from one address.

use std::sync::{Mutex, PoisonError};

use chat_core::{Error, Rate, state::Buckets};
use tokio::time::Instant;

use super::Network;

/// How often something may be done by all who come from one address. Addresses are remembered up to a number; those that have
/// done least are forgotten first.
#[derive(Debug)]
pub(crate) struct AddressRate {
    /// What the buckets count from.
    begun: Instant,
    buckets: Option<Mutex<Buckets<Network>>>,
}

impl AddressRate {
    /// Without a rate, nothing is limited.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        let buckets = rate.map(|rate| Mutex::new(Buckets::new(rate, MOST)));
        Self { begun: Instant::now(), buckets }
    }

    /// Counts that it is done from here. Refuses it as [`Error::RateLimited`] above the rate.
    pub(crate) fn take(&self, from: Network, now: Instant) -> Result<(), Error> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        // No code panics while it holds this lock.
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = buckets.take(from, now.duration_since(self.begun));
        taken.map_err(|retry_after| Error::RateLimited { retry_after })
    }
}

/// As many as users are remembered by default, at some 100 bytes each.
pub(super) const MOST: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv6Addr},
        time::Duration,
    };

    use super::*;

    fn network(text: &str) -> Network {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn each_address_has_a_rate_of_its_own() {
        let rate = AddressRate::new(Some(Rate { per_second: 0.1, burst: 2 }));
        let now = Instant::now();
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            rate.take(network(address), now).unwrap();
            rate.take(network(address), now).unwrap();
            let refused = rate.take(network(address), now).unwrap_err();
            assert_eq!(refused, Error::RateLimited { retry_after: Duration::from_secs(10) }, "{address}");
        }
        assert!(rate.take(network("2001:db8::2"), now).is_err(), "it is of the same /64");
        rate.take(network("2001:db8::2"), now + Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn whoever_has_many_addresses_fills_no_memory_and_helps_nobody_else() {
        let rate = AddressRate::new(Some(Rate { per_second: 0.001, burst: 2 }));
        let now = Instant::now();
        rate.take(network("192.0.2.1"), now).unwrap();
        rate.take(network("192.0.2.1"), now).unwrap();
        for number in 0..40_000_u128 {
            rate.take(IpAddr::from(Ipv6Addr::from_bits(number << 64)).into(), now).unwrap();
        }
        assert!(rate.take(network("192.0.2.1"), now).is_err());
        let buckets = rate.buckets.as_ref().unwrap().lock().unwrap();
        assert!(buckets.len() <= MOST);
    }

    #[test]
    fn nothing_is_limited_without_a_rate() {
        let rate = AddressRate::new(None);
        assert!((0..1_000).all(|_| rate.take(network("::1"), Instant::now()).is_ok()));
    }
}
