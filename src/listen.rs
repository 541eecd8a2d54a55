//! The address to listen on, which may contain a host name.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::SocketAddr,
    str::FromStr,
};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// `ADDRESS:PORT` or `NAME:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenAddress(String);

/// The error of parsing a text that is not a [`ListenAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadListenAddress;

impl fmt::Display for BadListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080")
    }
}

impl std::error::Error for BadListenAddress {}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ListenAddress {
    type Err = BadListenAddress;

    fn from_str(text: &str) -> Result<Self, BadListenAddress> {
        let is_address = text.parse::<SocketAddr>().is_ok();
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_name = text.rsplit_once(':').is_some_and(|(name, port)| {
            !name.is_empty() && name.bytes().all(is_of_a_name) && port.parse::<u16>().is_ok()
        });
        if is_address || is_name { Ok(Self(text.to_owned())) } else { Err(BadListenAddress) }
    }
}

impl ListenAddress {
    /// Binds the address. A name may have several addresses: the first that can be bound is used, IPv4 before IPv6,
    /// since most programs look for `localhost` there.
    pub(crate) async fn bind(&self) -> io::Result<TcpListener> {
        let mut addresses: Vec<_> = lookup_host(&self.0).await?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut bound = Err(io::Error::new(ErrorKind::AddrNotAvailable, "the name has no address"));
        for address in addresses {
            bound = listen(address);
            if bound.is_ok() {
                break;
            }
        }
        bound
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that was stopped can start again at once.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How many connections may wait to be accepted. When all clients come back at once, the system drops those beyond it, and these try
/// again only after a second. (The system may have a limit below this one: `net.core.somaxconn`.)
const BACKLOG: u32 = 4_096;

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::time::Duration;

    #[cfg(target_os = "linux")]
    use tokio::{net::TcpStream, time::timeout};

    use super::*;

    #[test]
    fn addresses_and_names_have_a_port() {
        for good in ["127.0.0.1:8080", "[::1]:0", "0.0.0.0:80", "localhost:8080", "my-host.example:1", "chat_1:80"] {
            assert_eq!(good.parse::<ListenAddress>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "8080",
            ":8080",
            "localhost",
            "localhost:",
            "localhost:x",
            "localhost:65536",
            "::1:x",
            "a b:80",
            "http://localhost:80",
            "*:80",
        ] {
            assert_eq!(bad.parse::<ListenAddress>(), Err(BadListenAddress), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_name_is_listened_on_where_it_leads() {
        let listener = "localhost:0".parse::<ListenAddress>().unwrap().bind().await.unwrap();
        assert!(listener.local_addr().unwrap().ip().is_loopback());
    }

    /// Beyond those that may wait, Linux drops the connection, whose client tries again later.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_burst_of_connections_waits_to_be_accepted() {
        let most =
            std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap_or(usize::MAX);
        let listener = "127.0.0.1:0".parse::<ListenAddress>().unwrap().bind().await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        for number in 0..most.min(400) {
            let connected = timeout(Duration::from_secs(10), TcpStream::connect(address)).await;
            waiting.push(connected.unwrap_or_else(|_| panic!("{number} wait, and no more")).unwrap());
        }
    }
}
