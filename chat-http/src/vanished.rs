//! Detects peers that have vanished. A lost network reports no error, and what is written goes into the kernel's
//! buffer. But the kernel knows for how long nothing was acknowledged.

use std::time::Duration;

#[cfg(test)]
use tokio::io::DuplexStream;
use tokio::net::TcpStream;

/// How often something is written to a peer that need not answer, so that it has something to acknowledge. Together
/// with the 20 s of silence, a lost peer is noticed within 28 s.
pub(crate) const PING: Duration = Duration::from_secs(8);

/// The other end of a stream.
pub(crate) trait Peer {
    /// Whether the peer is gone: it has acknowledged nothing for 20 s, although data or probes were sent several times.
    ///
    /// A peer that reads slowly or not at all still acknowledges, so it is not gone.
    fn has_vanished(&self) -> bool;
}

impl Peer for TcpStream {
    fn has_vanished(&self) -> bool {
        tcp::Silence::of(self).is_some_and(|silence| silence.is_final())
    }
}

#[cfg(test)]
impl Peer for DuplexStream {
    fn has_vanished(&self) -> bool {
        false
    }
}

/// Linux's `TCP_INFO`.
#[cfg(target_os = "linux")]
mod tcp {
    use nix::{getsockopt_impl, libc, sockopt_impl, sys::socket::GetSockOpt};
    use tokio::net::TcpStream;

    /// What the kernel knows about the silence of a peer.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Silence {
        /// For how long nothing was acknowledged, in milliseconds.
        pub(super) unheard: u32,
        /// How often the same bytes were sent again without an acknowledgement.
        pub(super) retransmits: u8,
        /// How often the kernel asked without an answer whether the peer's buffer has room again.
        pub(super) probes: u8,
    }

    impl Silence {
        pub(super) fn of(stream: &TcpStream) -> Option<Self> {
            let info = TcpInfo.get(stream).ok()?;
            let [_state, _congestion, retransmits, probes] = info[0].to_ne_bytes();
            Some(Self { unheard: info[LAST_ACK_RECEIVED], retransmits, probes })
        }

        /// Whether the peer is gone.
        pub(super) const fn is_final(self) -> bool {
            self.unheard >= 20_000 && (self.retransmits >= 2 || self.probes >= 2)
        }
    }

    sockopt_impl!(
        /// The first 26 words of `struct tcp_info` in `linux/tcp.h`, which every version of it begins with.
        TcpInfo,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        [u32; 26]
    );

    /// The word `tcpi_last_ack_recv`.
    const LAST_ACK_RECEIVED: usize = 14;
}

/// Other systems do not provide this; there, only their own time limits apply.
#[cfg(not(target_os = "linux"))]
mod tcp {
    use tokio::net::TcpStream;

    #[derive(Debug, Clone, Copy)]
    pub(super) struct Silence;

    impl Silence {
        pub(super) const fn of(_stream: &TcpStream) -> Option<Self> {
            None
        }

        pub(super) const fn is_final(self) -> bool {
            false
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::tcp::Silence;

    #[test]
    fn who_acknowledges_is_there_however_slowly_it_reads() {
        let gone = |unheard, retransmits, probes| Silence { unheard, retransmits, probes }.is_final();
        assert!(gone(20_000, 2, 0), "what was sent is not acknowledged");
        assert!(gone(60_000, 0, 2), "nobody says whether there is room");
        assert!(!gone(19_999, 7, 0), "it may come back");
        assert!(!gone(3_600_000, 0, 0), "it was not asked");
        assert!(!gone(60_000, 0, 1), "its buffer is full, and it was asked just now");
    }
}
