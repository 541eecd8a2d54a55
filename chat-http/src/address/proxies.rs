//! Proxies in front of the server, and what they say of where a request comes from.

use std::{fmt, net::IpAddr, str::FromStr};

use poem::http::{HeaderMap, HeaderName};

/// A proxy that is believed when it says where a request comes from (`X-Forwarded-For`): an address, or a network such as
/// `10.0.0.0/8`, from which only proxies connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy {
    first: u128,
    last: u128,
}

impl TrustedProxy {
    fn has(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&bits(address))
    }
}

/// An address as one of IPv6, where those of IPv4 have their place.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for TrustedProxy {
    type Err = BadTrustedProxy;

    fn from_str(text: &str) -> Result<Self, BadTrustedProxy> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| BadTrustedProxy)?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), |length| decimal(length).ok_or(BadTrustedProxy))?;
        let free = most.checked_sub(length).ok_or(BadTrustedProxy)?;
        let others = u128::MAX.checked_shr(128 - u32::from(free)).unwrap_or(0);
        let first = bits(address);
        // A network that is written with one of its hosts is probably meant to be another one.
        if first & others != 0 { Err(BadTrustedProxy) } else { Ok(Self { first, last: first | others }) }
    }
}

fn decimal(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The error of parsing a text that is not a [`TrustedProxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadTrustedProxy;

impl fmt::Display for BadTrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an address or a network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8")
    }
}

impl std::error::Error for BadTrustedProxy {}

/// All proxies that are believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<TrustedProxy>);

impl Proxies {
    pub(crate) const NONE: Self = Self(Vec::new());

    /// The same and these.
    pub(crate) fn and(mut self, proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        self.0.extend(proxies);
        self
    }

    /// Whether this is the address of a proxy that is believed.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|proxy| proxy.has(address))
    }

    /// Where a request comes from that a proxy passed on: each proxy has added the address that connected to it, so it is the
    /// last one that is no proxy's. What stands before it may be made up.
    pub(crate) fn client(&self, proxy: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = proxy;
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        for hop in values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')) {
            let Some(address) = address(hop.trim()) else { return nearest };
            nearest = address;
            if !self.trust(address) {
                break;
            }
        }
        nearest
    }
}

/// Some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().map(|address: std::net::SocketAddr| address.ip()).ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(texts: &[&str]) -> Proxies {
        Proxies::NONE.and(texts.iter().map(|text| text.parse().unwrap()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for (proxy, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.0/23", "10.1.3.4", "10.1.4.0"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("2001:db8::/64", "2001:db8::5", "2001:db8:0:1::"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let proxies = proxies(&[proxy]);
            assert!(proxies.trust(ip(inside)), "{inside} in {proxy}");
            assert!(!proxies.trust(ip(outside)), "{outside} in {proxy}");
        }
        assert!(proxies(&["::/0"]).trust(ip("192.0.2.1")));
        for none in
            ["", "x", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.1/8", "::/129", "1.2.3.4:80"]
        {
            assert_eq!(none.parse::<TrustedProxy>(), Err(BadTrustedProxy), "{none}");
        }
    }

    #[test]
    fn r46_the_last_address_that_is_no_proxy_counts() {
        let proxies = proxies(&["127.0.0.1", "10.0.0.0/8"]);
        for (headers, client) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            (&["198.51.100.1", "203.0.113.9,10.0.0.7"], "203.0.113.9"),
            (&["203.0.113.9", "10.0.0.7"], "203.0.113.9"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["2001:db8::1"], "2001:db8::1"),
            // Nobody before the proxy that says nothing of use.
            (&["203.0.113.9, unknown"], "127.0.0.1"),
            (&["203.0.113.9, unknown, 10.0.0.7"], "10.0.0.7"),
            (&["203.0.113.9,"], "127.0.0.1"),
            (&[""], "127.0.0.1"),
            (&["\u{e9}"], "127.0.0.1"),
            (&[], "127.0.0.1"),
            // All are proxies: the request is of the first.
            (&["10.0.0.8, 10.0.0.7"], "10.0.0.8"),
        ] {
            let headers = headers.iter().map(|text| (FORWARDED_FOR, text.parse().unwrap()));
            let headers: Vec<_> = headers.collect();
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            assert_eq!(proxies.client(ip("127.0.0.1"), &map), ip(client), "{map:?}");
        }
    }
}
