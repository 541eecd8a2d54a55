//! Host names: which of them this server answers for.
//!
//! A web page may point its own host name at the address of this server (DNS rebinding). For the browser, that page and
//! this server then have the same origin; only the name shows that they do not belong together. So a server has to know
//! its names. An IP address needs no check, since a page has no control over it.

use std::{fmt, net::Ipv4Addr, net::Ipv6Addr, str::FromStr, sync::Arc};

use chat_core::Error;
use poem::{
    Request,
    http::{HeaderMap, header},
};

use crate::problem::Problem;

/// A host name such as `chat.example`: ASCII without scheme and port, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// The error of parsing a text that is not a [`HostName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadHostName;

impl fmt::Display for BadHostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be the name of one host, such as chat.example: without scheme, port or wildcard, and in ASCII",
        )
    }
}

impl std::error::Error for BadHostName {}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = BadHostName;

    fn from_str(text: &str) -> Result<Self, BadHostName> {
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let name = canonical(text);
        let labels_are_there = name.split('.').all(|label| !label.is_empty());
        if labels_are_there && name.len() <= 253 && name.bytes().all(is_of_a_name) {
            Ok(Self(name))
        } else {
            Err(BadHostName)
        }
    }
}

/// The hosts for which the server answers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Hosts {
    /// Every host.
    #[default]
    Any,
    /// These names, loopback names and IP addresses.
    Known(Arc<[HostName]>),
}

impl Hosts {
    /// Starts an empty list of names, unless there is a list already.
    pub(crate) fn checked(self) -> Self {
        match self {
            Self::Any => Self::Known(Arc::default()),
            Self::Known(names) => Self::Known(names),
        }
    }

    /// Adds a name if there is a list.
    pub(crate) fn and(self, name: HostName) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Known(names) => Self::Known(names.iter().cloned().chain([name]).collect()),
        }
    }

    /// Refuses a request for another host. A request without a host passes: only HTTP/1.0 allows that, and no browser
    /// uses it.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Problem> {
        let named = Authority::of(request)?;
        match (self, named) {
            (Self::Known(names), Some(authority)) if !authority.is_known(names) => Err(wrong_host()),
            (Self::Known(_) | Self::Any, _) => Ok(()),
        }
    }
}

fn wrong_host() -> Problem {
    Problem::http("wrong_host", "this server does not serve this host; its operator can allow it with --allowed-host")
}

/// Host and port as they are written in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    text: &'a str,
    host: &'a str,
}

impl<'a> Authority<'a> {
    /// The authority of a request: the one in its target if there is one, else `Host` (RFC 9112, section 3.2.2).
    pub(crate) fn of(request: &'a Request) -> Result<Option<Self>, Problem> {
        let host = Self::in_headers(request.headers())?;
        let target = request.uri();
        match target.authority().filter(|_| target.scheme().is_some()) {
            Some(authority) => Self::parse(authority.as_str()).map(Some).ok_or_else(malformed),
            None => Ok(host),
        }
    }

    /// The authority in `Host`.
    fn in_headers(headers: &'a HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(header::HOST).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Error::invalid_field("Host", "must be given once").into()),
            (Some(value), None) => value.to_str().ok().and_then(Self::parse).map(Some).ok_or_else(malformed),
        }
    }

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) => (&text[..address.len() + 2], port),
            None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
        };
        let port = port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?;
        let port_is_one =
            port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
        let is_host = v6(host).is_some() || (!host.is_empty() && host.bytes().all(is_of_a_host));
        (port_is_one && is_host).then_some(Self { text, host })
    }

    /// The text of host and port.
    pub(crate) const fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether this is a name of the machine itself.
    pub(crate) fn is_loopback(self) -> bool {
        let name = canonical(self.host);
        name == "localhost" || name.ends_with(".localhost")
    }

    fn is_known(self, names: &[HostName]) -> bool {
        let name = canonical(self.host);
        let is_address = v6(self.host).is_some() || name.parse::<Ipv4Addr>().is_ok();
        self.is_loopback() || is_address || names.iter().any(|known| known.0 == name)
    }
}

fn malformed() -> Problem {
    Error::invalid_field("Host", "must be a host, and a port if there is one").into()
}

/// Whether RFC 3986 allows this byte in a registered name. Percent-encoding is left out, since no host needs it.
const fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=')
}

/// Reads an IPv6 address in brackets. A zone is ignored.
fn v6(host: &str) -> Option<Ipv6Addr> {
    let address = host.strip_prefix('[')?.strip_suffix(']')?;
    address.split('%').next()?.parse().ok()
}

/// The name in lower case, without the final dot of a fully qualified name.
fn canonical(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_suffix('.').map_or(host.clone(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Challenge;

    fn check(hosts: &Hosts, host: &str) -> Result<(), u16> {
        let request = Request::builder().header("host", host).uri_str("/").finish();
        hosts.check(&request).map_err(|problem| problem.into_response(&Challenge::default()).status().as_u16())
    }

    fn known() -> Hosts {
        Hosts::Any.checked().and("chat.example".parse().unwrap())
    }

    #[test]
    fn loopback_names_addresses_and_known_names_are_answered_for() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "a.b.localhost:1",
            "127.0.0.1",
            "192.168.0.7:65535",
            "8.8.8.8.",
            "[::1]",
            "[2001:DB8::1]:443",
            "[fe80::1%25eth0]:80",
            "chat.example",
            "CHAT.Example.:8443",
            "chat.example:",
        ] {
            assert_eq!(check(&known(), host), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_names_are_misdirected() {
        for host in [
            "evil.example",
            "chat.example.evil",
            "xchat.example",
            "sub.chat.example",
            "localhost.evil",
            "notlocalhost",
            "127.0.0.1.nip.io",
            "2130706433",
            "0x7f.1",
            "127.1",
            "::1",
            "a,b",
        ] {
            let refused = check(&known(), host);
            let expected = if host == "::1" { 400 } else { 421 };
            assert_eq!(refused, Err(expected), "{host}");
            if host != "::1" {
                assert_eq!(check(&Hosts::Any, host), Ok(()), "{host}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_malformed() {
        for host in [
            "",
            " ",
            "a b",
            "a/b",
            "user@localhost",
            "localhost:x",
            "localhost:65536",
            "localhost:80:80",
            "[::1",
            "[::1]x",
            "[::g]",
            "[127.0.0.1]",
            "http://localhost",
            "localhost?",
            "local#host",
            "a%20b",
            ":80",
            "é",
        ] {
            assert_eq!(check(&known(), host), Err(400), "{host}");
            assert_eq!(check(&Hosts::Any, host), Err(400), "{host}");
        }
    }

    #[test]
    fn the_target_stands_above_the_header() {
        let ask = |target: &str, host: &str| {
            let request = Request::builder().uri_str(target).header("host", host).finish();
            known().check(&request).is_ok()
        };
        assert!(ask("http://chat.example/x", "evil.example"));
        assert!(!ask("http://evil.example/x", "chat.example"));
        assert!(!ask("http://u@chat.example/x", "chat.example"));
    }

    #[test]
    fn a_host_is_named_once_or_not_at_all() {
        let request = Request::builder().header("host", "localhost").header("host", "localhost").finish();
        assert!(known().check(&request).is_err());
        assert!(known().check(&Request::default()).is_ok());
    }

    #[test]
    fn names_of_hosts_are_just_that() {
        for good in ["chat.example", "Chat", "xn--bcher-kva.example.", "my_service"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "*", "*.example", "a..b", "http://a", "a:80", "a/b", "bücher.example", "a b", "[::1]"] {
            assert_eq!(bad.parse::<HostName>(), Err(BadHostName), "{bad}");
        }
    }
}
