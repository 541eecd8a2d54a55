//! Where requests come from, and how often something may be done from there.

mod gate;
mod proxies;
pub(crate) mod rate;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use poem::{Addr, Request};

pub use self::proxies::{BadTrustedProxy, TrustedProxy};
pub(crate) use self::{
    gate::{Entrance, Gate},
    proxies::{FORWARDED_FOR, Proxies},
};

/// Where somebody comes from: an IPv4 address, or the /64 of an IPv6 address, since that is what one subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl Network {
    /// Where a request comes from; `None` if it came over something without addresses.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        if let Some(from) = request.data::<Self>() {
            return Some(*from);
        }
        match &request.remote_addr().0 {
            Addr::SocketAddr(peer) => Some(peer.ip().into()),
            Addr::Unix(_) | Addr::Custom(..) => None,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_is_one_network() {
        for (one, other, is_one) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::1", "::2", true),
            ("::1", "127.0.0.1", false),
        ] {
            let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
            assert_eq!(network(one) == network(other), is_one, "{one} {other}");
        }
    }

    #[test]
    fn networks_are_shown_as_they_are_written() {
        for (address, shown) in
            [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::/64")]
        {
            assert_eq!(Network::from(address.parse::<IpAddr>().unwrap()).to_string(), shown);
        }
    }
}
