//! The chat as a `tower` service, for any Rust web app. What the app's own server does not know of a request, its options say.

use std::{
    convert::Infallible,
    error::Error,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use chat_core::{AddressLimits, ChatEngine};
use futures::{FutureExt, TryStreamExt, future::BoxFuture};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, Request, Response,
    endpoint::BoxEndpoint,
    http::{request::Parts, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::{
    address::{Entrance, Gate},
    auth::Authenticator,
    connection::{ConnectionPermit, Sent, lasts, sent},
    mount::{Api, Site, api},
    options::Options,
};

/// REST and sockets as a `tower` service, to be mounted in an app that is not poem's.
///
/// In axum, `Router::new().nest_service("/chat", service(engine, login, Options::default()))`; in plain hyper, wrap it in
/// `hyper_util::service::TowerToHyperService`, and serve connections *with upgrades*. Paths are those of [`api`]: whatever mounts
/// it under a prefix has to take the prefix off, as axum does.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bytes::Bytes;
/// use chat_core::ChatEngine;
/// use chat_http::{Guests, Options, service};
/// use http_body_util::{BodyExt, Full};
/// use tower_service::Service;
///
/// let engine = ChatEngine::builder().build().await?;
/// let mut chat = service(engine, Guests, Options::default());
/// let request = hyper::Request::get("/api/chat/rooms").body(Full::new(Bytes::new()))?;
/// let response = chat.call(request).await?;
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.into_body().collect().await?.to_bytes(), r#"{"rooms":[],"next":null}"#);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn service(engine: ChatEngine, authenticator: impl Authenticator, options: Options) -> ChatService {
    api(engine, authenticator).with(options).into_service()
}

/// What [`service`] makes: a `tower` service of requests with any body. It never fails, all clones are the same one, and it is
/// always ready: what it has too much of, it refuses.
///
/// - The app's server has to leave hyper's upgrade in the request's extensions, as hyper and axum do; else sockets are refused
///   with 400. They need HTTP/1.1.
/// - Where a request comes from is unknown, unless [`Options::client_address`] says it. Then the engine's
///   [`AddressLimits`] hold: a request counts as a connection until its answer is sent, a socket until it ends.
/// - Whatever else the app has put into the extensions, its [`Authenticator`] finds there.
/// - How long headers may take, and how many connections there may be, is up to the app's server. Bodies, frames and all that is
///   behind them are bounded here.
#[derive(Clone)]
pub struct ChatService(Arc<Inner>);

struct Inner {
    endpoint: BoxEndpoint<'static, Response>,
    options: Options,
    gate: Gate,
    /// What is open holds a permit each.
    open: Arc<Semaphore>,
}

/// So many requests and sockets are counted.
const MOST_OPEN: u32 = u32::MAX >> 3;

impl Api {
    /// The same as a `tower` service: see [`service`].
    #[must_use]
    pub fn into_service(self) -> ChatService {
        let (options, limits) = (self.options().clone(), self.engine().limits().addresses);
        ChatService::new(self, options, &limits)
    }
}

impl Site {
    /// The same as a `tower` service: see [`service`].
    #[must_use]
    pub fn into_service(self) -> ChatService {
        let (options, limits) = (self.options().clone(), self.engine().limits().addresses);
        ChatService::new(self, options, &limits)
    }
}

impl ChatService {
    fn new(endpoint: impl IntoEndpoint<Endpoint: 'static>, options: Options, limits: &AddressLimits) -> Self {
        let gate = Gate::default();
        gate.set(limits);
        let endpoint = endpoint.into_endpoint().map_to_response().boxed();
        Self(Arc::new(Inner { endpoint, options, gate, open: Arc::new(Semaphore::new(MOST_OPEN as usize)) }))
    }

    /// Waits until all requests are answered and all sockets and event streams have ended. To stop, end these first with
    /// [`ChatEngine::shutdown`]; sockets are not the app's server's any more, so it does not wait for them.
    ///
    /// ```
    /// # use chat_core::ChatEngine;
    /// # use chat_http::ChatService;
    /// async fn stop(engine: ChatEngine, chat: ChatService) {
    ///     engine.shutdown().await; // each client is told why
    ///     chat.ended().await;      // and has heard it
    /// }
    /// ```
    ///
    /// # Cancel safety
    /// It only waits.
    pub async fn ended(&self) {
        // All permits can be acquired only after everything has ended.
        drop(self.0.open.acquire_many(MOST_OPEN).await);
    }
}

impl fmt::Debug for ChatService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatService").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl<B> Service<hyper::Request<B>> for ChatService
where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Response = hyper::Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: hyper::Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        let (parts, body) = request.into_parts();
        async move { Ok(inner.answer(parts, read(body)).await) }.boxed()
    }
}

impl Inner {
    async fn answer(&self, mut parts: Parts, body: poem::Body) -> hyper::Response<ResponseBody> {
        let permit = self.admit(&mut parts);
        let scheme = parts.uri.scheme().cloned().unwrap_or(Scheme::HTTP);
        // This also takes the upgrade out of the extensions, to where sockets look for it.
        let parts = (parts, LocalAddr::default(), RemoteAddr::default(), scheme).into();
        let response = self.endpoint.get_response(Request::from_parts(parts, body)).await;
        sent(response, permit, false).map(ResponseBody)
    }

    /// Counts a request.
    fn admit(&self, parts: &mut Parts) -> ConnectionPermit {
        let client = self.options.client(&parts.headers, &parts.extensions);
        let entrance = client.map_or_else(Entrance::default, |client| {
            parts.extensions.insert(client);
            self.gate.forward(client, lasts(&parts.headers))
        });
        // While somebody waits for the end, what comes is not counted any more.
        let permit = ConnectionPermit::new(Arc::clone(&self.open).try_acquire_owned().ok(), entrance);
        parts.extensions.insert(permit.clone());
        permit
    }
}

/// A body as the endpoints read it.
fn read<B>(body: B) -> poem::Body
where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let chunks = body.into_data_stream().map_ok(|mut chunk| chunk.copy_to_bytes(chunk.remaining()));
    poem::Body::from_bytes_stream(chunks.map_err(io::Error::other))
}

/// The body of an answer: as it is written, since an event stream has no end.
pub struct ResponseBody(Sent);

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
