//! One connection: its TLS handshake, its requests, and how it ends when the server stops.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_core::{
    Error,
    log::{Excerpt, LogLimit},
};
use http_body_util::combinators::BoxBody;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Addr, Endpoint, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, HeaderValue, StatusCode, Version, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
};

use crate::{
    address::{Entrance, FORWARDED_FOR, Gate, Network, Proxies},
    http1::{Exchange, Requests},
    metrics,
    problem::{Challenge, Problem},
    security_headers,
    tls::Handshakes,
    until_sent::UntilSent,
    write_timeout::WriteTimeout,
};

/// A permit of a connection, or of a request that a proxy has passed on. After an upgrade the socket's task holds it. The
/// server waits until all are dropped.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermit {
    _slot: Option<Arc<OwnedSemaphorePermit>>,
    entrance: Arc<Entrance>,
}

impl ConnectionPermit {
    pub(crate) fn new(slot: Option<OwnedSemaphorePermit>, entrance: Entrance) -> Self {
        Self { _slot: slot.map(Arc::new), entrance: entrance.into() }
    }

    /// Why a request is refused for the address that it comes from.
    pub(crate) fn refusal(request: &poem::Request) -> Option<&Error> {
        request.data::<Self>()?.entrance.refusal()
    }
}

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    Open,
    /// Requests in progress are answered, and idle connections are closed.
    Finishing,
    /// Connections that are still open are cut.
    Over,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) endpoint: BoxEndpoint<'static, Response>,
    pub(crate) http: http1::Builder,
    /// With TLS alone.
    pub(crate) handshakes: Option<Handshakes>,
    pub(crate) proxies: Proxies,
    pub(crate) gate: Gate,
}

/// Whom a connection connects, and how.
struct Link {
    local: SocketAddr,
    peer: SocketAddr,
    scheme: Scheme,
    permit: ConnectionPermit,
    /// Whether the peer passes on what others ask.
    is_proxy: bool,
}

/// Who sends a request: the peer of the connection, or whoever a proxy says.
struct Sender {
    from: Network,
    permit: ConnectionPermit,
}

impl Link {
    fn sender(&self, shared: &Shared, headers: &HeaderMap) -> Sender {
        if !self.is_proxy {
            return Sender { from: self.peer.ip().into(), permit: self.permit.clone() };
        }
        let from = shared.proxies.client(self.peer.ip(), headers).into();
        let entrance = shared.gate.forward(from, lasts(headers)).into();
        Sender { from, permit: ConnectionPermit { entrance, ..self.permit.clone() } }
    }

    /// Whether the connection itself is refused, and ends with its first answer.
    fn is_refused(&self) -> bool {
        self.permit.entrance.refusal().is_some()
    }

    /// Tells the operator of a proxy that counts as one client, since it is not trusted.
    fn hint_at_proxy(&self, headers: &HeaderMap) {
        static HINTED: LogLimit = LogLimit::new();
        if self.is_refused()
            && headers.contains_key(FORWARDED_FOR)
            && let Some(left_out) = HINTED.pass(Instant::now())
        {
            let peer = self.peer.ip();
            tracing::warn!(
                left_out,
                %peer,
                "connections are refused, as too many come from this address; if it is your proxy, trust it (--trusted-proxy)"
            );
        }
    }
}

/// Whether a request asks for a socket or an event stream.
pub(crate) fn lasts(headers: &HeaderMap) -> bool {
    let is_stream = |value: &HeaderValue| value.as_bytes().starts_with(b"text/event-stream");
    headers.contains_key(header::UPGRADE) || headers.get(header::ACCEPT).is_some_and(is_stream)
}

/// How long a peer may accept no bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves one connection until it ends or becomes a socket. With TLS, the handshake comes first.
pub(crate) async fn serve_connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
    mut phase: watch::Receiver<Phase>,
) {
    // A proxy's connections carry the requests of many, which are counted one by one.
    let is_proxy = shared.proxies.trust(peer.ip());
    let entrance = if is_proxy { Some(Entrance::default()) } else { shared.gate.connect(peer.ip().into()) };
    let Some(entrance) = entrance else { return metrics::connection_dropped() };
    let permit = ConnectionPermit::new(Some(slot), entrance);
    // Small frames must not wait for the acknowledgement of earlier ones.
    let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) else { return };
    let stream = WriteTimeout::new(stream, WRITE_TIMEOUT);
    let Some(handshakes) = &shared.handshakes else {
        return serve_requests(shared, stream, Link { local, peer, scheme: Scheme::HTTP, permit, is_proxy }, phase)
            .await;
    };
    let done = tokio::select! {
        done = handshakes.perform(stream) => done,
        _ = next_phase(&mut phase, false) => None,
    };
    if let Some(stream) = done {
        serve_requests(shared, stream, Link { local, peer, scheme: Scheme::HTTPS, permit, is_proxy }, phase).await;
    }
}

/// Answers the requests of a connection until it ends or becomes a socket.
async fn serve_requests<S>(shared: Arc<Shared>, stream: S, link: Link, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = Arc::new(Exchange::default());
    let stream = Requests::new(stream, Arc::clone(&exchange));
    let addresses = (LocalAddr(Addr::SocketAddr(link.local)), RemoteAddr(Addr::SocketAddr(link.peer)));
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let Sender { from, permit } = link.sender(&shared, request.headers());
        link.hint_at_proxy(request.headers());
        request.extensions_mut().insert(permit.clone());
        request.extensions_mut().insert(from);
        let refusal = exchange.refusal(request.headers(), request.version() == Version::HTTP_11);
        let request = poem::Request::from((request, addresses.0.clone(), addresses.1.clone(), link.scheme.clone()));
        let answered = answer(Arc::clone(&shared), Arc::clone(&exchange), request, refusal);
        let is_last = link.is_refused();
        async move { Ok::<_, Infallible>(sent(answered.await, permit, is_last)) }
    });
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let mut finishing = false;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %link.peer, error = %Excerpt(error), "a connection ended in an error");
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
) -> Response {
    let response = match refusal {
        Some(problem) => refuse(problem),
        None => shared.endpoint.get_response(request).await,
    };
    exchange.answered(response.status());
    response
}

/// The answer as it goes out. It counts as a connection until it is sent, where requests do.
pub(crate) fn sent(mut response: Response, permit: ConnectionPermit, is_last: bool) -> hyper::Response<Sent> {
    if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    hyper::Response::from(response).map(|body| UntilSent::new(body, permit))
}

pub(crate) type Sent = UntilSent<BoxBody<Bytes, io::Error>, ConnectionPermit>;

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
