//! One connection: its TLS handshake, its requests, and how it ends when the server stops.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use chat_core::log::Excerpt;
use http_body_util::combinators::BoxBody;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Addr, Endpoint, Response,
    endpoint::BoxEndpoint,
    http::{HeaderValue, Version, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
};

use crate::{
    http1::{Exchange, Requests},
    metrics,
    problem::{Challenge, Problem},
    security_headers,
    tls::Handshakes,
    write_timeout::WriteTimeout,
};

/// A permit of a connection. After an upgrade the socket's task holds it. The server waits until all are dropped.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermit {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl From<OwnedSemaphorePermit> for ConnectionPermit {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Arc::new(permit) }
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
}

/// Whom a connection connects, and how.
struct Link {
    local: SocketAddr,
    peer: SocketAddr,
    scheme: Scheme,
    permit: ConnectionPermit,
}

/// How long a peer may accept no bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves one connection until it ends or becomes a socket. With TLS, the handshake comes first.
pub(crate) async fn serve_connection(
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
