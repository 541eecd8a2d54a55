//! The accept loop, and everything that a chat server needs around its requests and sockets.
//!
//! Headers and bodies have to arrive in time. Connections are counted, upgraded ones too. Without file descriptors the
//! loop pauses instead of spinning. Stopping closes every socket with a reason, and waits for it.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_core::log::{Excerpt, LogLimit};
use http_body_util::combinators::BoxBody;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Addr, Endpoint, EndpointExt, IntoEndpoint, Response,
    endpoint::BoxEndpoint,
    http::{HeaderValue, Version, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use crate::{
    Site,
    http1::{Exchange, MAX_HEAD, Requests},
    metrics,
    problem::{Challenge, Problem},
    security_headers,
    tls::{Handshakes, Listener},
    write_timeout::WriteTimeout,
};

/// Serves a site until `shutdown` resolves; then closes every socket with 1001, waits up to 9 s for all connections to
/// end, and returns. The engine is shut down by then.
///
/// # Cancel safety
/// Dropping the future stops accepting. Open connections and the engine go on running.
pub async fn serve(listener: impl Into<Listener>, site: Site, shutdown: impl Future<Output = ()>) {
    let engine = site.engine().clone();
    Server::new(listener).run(site, shutdown, async move { engine.shutdown().await }).await;
}

/// Serves any poem endpoint on a listener; see [`serve`] for a whole site.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    max_connections: usize,
    header_timeout: Duration,
    drain_timeout: Duration,
}

impl Server {
    /// A server on this listener, which may be a [`TcpListener`].
    #[must_use]
    pub fn new(listener: impl Into<Listener>) -> Self {
        Self {
            listener: listener.into(),
            max_connections: 16_384,
            header_timeout: Duration::from_secs(10),
            drain_timeout: DRAIN_TIMEOUT,
        }
    }

    /// Sets how many connections may be open at once, sockets included; further ones wait to be accepted. The default
    /// is 16,384.
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
        let Self { listener, max_connections, header_timeout, drain_timeout } = self;
        let max_connections = u32::try_from(max_connections).unwrap_or(u32::MAX >> 3).min(u32::MAX >> 3);
        let slots = Arc::new(Semaphore::new(max_connections as usize));
        let (phase, _) = watch::channel(Phase::Open);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_header_size(MAX_HEAD);
        let Listener { tcp, tls } = listener;
        let handshakes = tls.map(|tls| Handshakes::new(tls, header_timeout));
        let shared =
            Arc::new(Shared { endpoint: endpoint.into_endpoint().map_to_response().boxed(), http, handshakes });

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

/// A permit of a connection. After an upgrade the socket's task holds it. The server waits until all are dropped.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermit {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    Open,
    /// Requests in progress are answered, and idle connections are closed.
    Finishing,
    /// Connections that are still open are cut.
    Over,
}

/// What all connections share.
struct Shared {
    endpoint: BoxEndpoint<'static, Response>,
    http: http1::Builder,
    /// With TLS alone.
    handshakes: Option<Handshakes>,
}

/// Whom a connection connects, and how.
struct Link {
    local: SocketAddr,
    peer: SocketAddr,
    scheme: Scheme,
    permit: ConnectionPermit,
}

/// How long stopping may take: less than the 10 s after which supervisors usually kill a process.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(9);
/// How long a peer may accept no bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
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
                let permit = ConnectionPermit { _permit: Arc::new(permit) };
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

/// Serves one connection until it ends or becomes a socket. With TLS, the handshake comes first.
async fn serve_connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    mut phase: watch::Receiver<Phase>,
) {
    // Small frames must not wait for the acknowledgement of earlier ones.
    let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) else { return };
    let stream = WriteTimeout::new(stream, WRITE_TIMEOUT);
    let Some(handshakes) = &shared.handshakes else {
        return serve_requests(shared, stream, Link { local, peer, scheme: Scheme::HTTP, permit }, phase).await;
    };
    let done = tokio::select! {
        done = handshakes.perform(stream) => done,
        _ = next_phase(&mut phase, false) => None,
    };
    if let Some(stream) = done {
        serve_requests(shared, stream, Link { local, peer, scheme: Scheme::HTTPS, permit }, phase).await;
    }
}

/// Answers the requests of a connection until it ends or becomes a socket.
async fn serve_requests<S>(shared: Arc<Shared>, stream: S, link: Link, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Link { local, peer, scheme, permit } = link;
    let exchange = Arc::new(Exchange::default());
    let stream = Requests::new(stream, Arc::clone(&exchange));
    let addresses = (LocalAddr(Addr::SocketAddr(local)), RemoteAddr(Addr::SocketAddr(peer)));
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(permit.clone());
        let refusal = exchange.refusal(request.headers(), request.version() == Version::HTTP_11);
        let request = poem::Request::from((request, addresses.0.clone(), addresses.1.clone(), scheme.clone()));
        answer(Arc::clone(&shared), Arc::clone(&exchange), request, refusal)
    });
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let mut finishing = false;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error = %Excerpt(error), "a connection ended in an error");
                }
                return;
            }
            now = next_phase(&mut phase, finishing) => {
                if now == Phase::Over {
                    return;
                }
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Waits for the next phase that concerns a connection.
async fn next_phase(phase: &mut watch::Receiver<Phase>, finishing: bool) -> Phase {
    let next = if finishing { Phase::Over } else { Phase::Finishing };
    let reached = phase.wait_for(|now| *now >= next).await.ok().map(|now| *now);
    match reached {
        Some(now) => now,
        // The server was dropped, so there will be no further phase.
        None => std::future::pending().await,
    }
}

async fn answer(
    shared: Arc<Shared>,
    exchange: Arc<Exchange>,
    request: poem::Request,
    refusal: Option<Problem>,
) -> Result<hyper::Response<BoxBody<Bytes, io::Error>>, Infallible> {
    let response = match refusal {
        Some(problem) => refuse(problem),
        None => shared.endpoint.get_response(request).await,
    };
    exchange.answered(response.status());
    Ok(response.into())
}

/// The answer to a malformed request. It is the last one on its connection.
fn refuse(problem: Problem) -> Response {
    let code = problem.code().to_owned();
    let mut response = problem.into_response(&Challenge::default());
    tracing::debug!(code, "a connection is closed for what it sent");
    metrics::request("other", "unknown".to_owned(), response.status(), Duration::ZERO);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    security_headers::add(headers);
    response
}

#[cfg(test)]
mod tests {
    use poem::{Route, endpoint::make_sync};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
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
