//! The accept loop, and everything that a chat server needs around its requests and sockets.
//!
//! Headers and bodies have to arrive in time. Connections are counted, upgraded ones too. Without file descriptors the
//! loop pauses instead of spinning. Stopping closes every socket with a reason, and waits for it.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{AddressLimits, log::LogLimit};
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use poem::{EndpointExt, IntoEndpoint};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

use crate::{
    Site,
    address::Gate,
    connection::{Phase, Shared, serve_connection},
    descriptors,
    http1::MAX_HEAD,
    tls::{Handshakes, Listener},
};

/// Serves a site until `shutdown` resolves; then closes every socket with 1001, waits up to 9 s for all connections to
/// end, and returns. The engine is shut down by then.
///
/// # Cancel safety
/// Dropping the future stops accepting. Open connections and the engine go on running.
pub async fn serve(listener: impl Into<Listener>, site: Site, shutdown: impl Future<Output = ()>) {
    let engine = site.engine().clone();
    Server::new(listener)
        .address_limits(&engine.limits().addresses)
        .run(site, shutdown, async move { engine.shutdown().await })
        .await;
}

/// Serves any poem endpoint on a listener; see [`serve`] for a whole site.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    max_connections: usize,
    header_timeout: Duration,
    drain_timeout: Duration,
    gate: Gate,
}

impl Server {
    /// A server on this listener, which may be a [`TcpListener`].
    #[must_use]
    pub fn new(listener: impl Into<Listener>) -> Self {
        Self {
            listener: listener.into(),
            max_connections: descriptors::for_connections(),
            header_timeout: Duration::from_secs(10),
            drain_timeout: DRAIN_TIMEOUT,
            gate: Gate::default(),
        }
    }

    /// Sets how many connections may be open at once, sockets included; further ones wait to be accepted. The default
    /// is 16,384, or fewer if the process may not have so many file descriptors: 128 of them are left for the rest.
    #[must_use]
    pub const fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = most;
        self
    }

    /// Sets how long the headers of a request may take to arrive, and how long a TLS handshake. The default is 10 s.
    #[must_use]
    pub const fn header_timeout(mut self, longest: Duration) -> Self {
        self.header_timeout = longest;
        self
    }

    /// Limits how many connections there may be from one address, and how fast they may come. The default is no limit; [`serve`]
    /// takes the limits of the site's engine.
    ///
    /// Whoever is above them is answered with 429 `rate_limited` and when to try again, or closed with 1013 on a socket, and
    /// then the connection ends. Behind [trusted proxies](Listener::trust), each request counts as a connection for as long as it
    /// is answered.
    #[must_use]
    pub fn address_limits(self, limits: &AddressLimits) -> Self {
        self.gate.set(limits);
        self
    }

    /// What counts its connections.
    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Serves until `stop` resolves. Then it accepts no more connections, awaits `close`, which ends what is open (a
    /// socket ends with its session), and waits for the connections to end. All of this takes at most 9 s.
    ///
    /// # Cancel safety
    /// Dropping the future stops accepting. Open connections go on running.
    pub async fn run<E>(self, endpoint: E, stop: impl Future<Output = ()>, close: impl Future<Output = ()>)
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let Self { listener, max_connections, header_timeout, drain_timeout, gate } = self;
        let max_connections = u32::try_from(max_connections).unwrap_or(u32::MAX >> 3).min(u32::MAX >> 3);
        let slots = Arc::new(Semaphore::new(max_connections as usize));
        let (phase, _) = watch::channel(Phase::Open);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_header_size(MAX_HEAD);
        let Listener { tcp, tls, proxies } = listener;
        let handshakes = tls.map(|tls| Handshakes::new(tls, header_timeout));
        let endpoint = endpoint.into_endpoint().map_to_response().boxed();
        let shared = Arc::new(Shared { endpoint, http, handshakes, proxies, gate });

        tokio::select! {
            () = stop => {}
            () = accept_all(&tcp, &slots, &phase, &shared) => {}
        }
        drop(tcp);
        tracing::info!(connections = max_connections as usize - slots.available_permits(), "stopping");
        phase.send_replace(Phase::Finishing);
        let all_ended = async {
            close.await;
            // All permits can be acquired only after every connection has ended.
            drop(slots.acquire_many(max_connections).await);
        };
        if timeout(drain_timeout, all_ended).await.is_err() {
            let left = max_connections as usize - slots.available_permits();
            tracing::warn!(connections = left, "some connections did not end in time and were cut");
        }
        phase.send_replace(Phase::Over);
    }
}

/// How long stopping may take: less than the 10 s after which supervisors usually kill a process.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(9);
/// The pause after a failure to accept: the first one and the longest one.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

async fn accept_all(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    phase: &watch::Sender<Phase>,
    shared: &Arc<Shared>,
) {
    let (mut pause, full, failed) = (None, LogLimit::new(), LogLimit::new());
    loop {
        if slots.available_permits() == 0
            && let Some(left_out) = full.pass(Instant::now())
        {
            tracing::warn!(left_out, "the limit on connections is reached; more connections wait");
        }
        let Ok(permit) = Arc::clone(slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                pause = None;
                let connection = serve_connection(Arc::clone(shared), stream, peer, permit, phase.subscribe());
                tokio::spawn(connection);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Usually there are no file descriptors left. Trying again at once would spin.
                if let Some(left_out) = failed.pass(Instant::now()) {
                    tracing::error!(left_out, %error, "cannot accept connections; trying again");
                }
                let wait = pause.map_or(PAUSE.0, |last: Duration| (last * 2).min(PAUSE.1));
                pause = Some(wait);
                sleep(wait).await;
            }
        }
    }
}

/// Whether an error of `accept` concerns one connection, and not accepting as such.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use poem::{Route, endpoint::make_sync};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
    };

    use super::*;
    use crate::Tls;

    struct Running {
        addr: SocketAddr,
        stop: oneshot::Sender<()>,
        ended: tokio::task::JoinHandle<()>,
    }

    async fn start(change: impl FnOnce(Server) -> Server) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = change(Server::new(listener));
        let route = Route::new().at("/", make_sync(|_| "hello"));
        let stopped = async move { drop(stopped.await) };
        let ended = tokio::spawn(server.run(route, stopped, async {}));
        Running { addr, stop, ended }
    }

    async fn read_all(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn w34_half_a_request_is_not_waited_for() {
        let running = start(|server| server.header_timeout(Duration::from_millis(100))).await;
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        // Without the time-out this would wait for ever.
        read_all(stream).await;
    }

    #[tokio::test]
    async fn stopping_ends_idle_connections_and_returns() {
        let running = start(|server| server).await;
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut start = [0; 15];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
        running.stop.send(()).unwrap();
        assert!(read_all(stream).await.ends_with("hello"));
        running.ended.await.unwrap();
        assert!(TcpStream::connect(running.addr).await.is_err());
    }

    #[tokio::test]
    async fn w34_half_a_tls_handshake_is_not_waited_for_and_does_not_hold_up_a_stop() {
        let tls = Tls::from_pem(
            include_bytes!("../tests/certificates/first.pem"),
            include_bytes!("../tests/certificates/first.key"),
        );
        let tls = tls.unwrap();
        let with = |longest, tls: &Tls| {
            let tls = tls.clone();
            move |server: Server| Server::new(Listener::with_tls(server.listener.tcp, tls)).header_timeout(longest)
        };
        // A record of 512 bytes, of which one comes.
        let start_of_hello = [22, 3, 1, 2, 0, 1];
        let running = start(with(Duration::from_millis(100), &tls)).await;
        for bytes in [&start_of_hello[..], &[]] {
            let mut stream = TcpStream::connect(running.addr).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            // Without the time-out this would wait for ever.
            assert_eq!(read_all(stream).await, "");
        }
        let running = start(with(Duration::from_secs(600), &tls)).await;
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        stream.write_all(&start_of_hello).await.unwrap();
        running.stop.send(()).unwrap();
        // What the server had not read yet resets the connection.
        let mut byte = [0; 1];
        assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)), "it is told nothing");
        running.ended.await.unwrap();
    }

    #[tokio::test]
    async fn connections_above_the_cap_wait_for_a_place() {
        let running = start(|server| server.max_connections(1)).await;
        let first = TcpStream::connect(running.addr).await.unwrap();
        let mut second = TcpStream::connect(running.addr).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut byte = [0; 1];
        assert!(timeout(Duration::from_millis(50), second.read(&mut byte)).await.is_err());
        drop(first);
        assert!(read_all(second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn too_many_headers_are_refused() {
        let running = start(|server| server).await;
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(20 << 10));
        stream.write_all(long.as_bytes()).await.unwrap();
        assert!(read_all(stream).await.starts_with("HTTP/1.1 431"));
    }
}
