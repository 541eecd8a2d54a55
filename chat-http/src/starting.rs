//! A server whose site is still being made: it says so, instead of letting clients wait.

use std::{
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use poem::{
    Endpoint, IntoEndpoint, Request, Response, Result,
    endpoint::BoxEndpoint,
    http::{HeaderValue, header},
};
use tokio::time::sleep;

use crate::{
    Listener, Server, Site,
    problem::{Challenge, Problem},
    security_headers, serve, site,
};

/// How long a start may take until clients are told. Who connects before that waits, as a start usually takes less.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves a site that is still being made, for example while its database is migrated. If that takes longer than a second,
/// `/healthz` is answered with 200, and everything else with 503 `unavailable` and `Retry-After`. As soon as the site is
/// there, this is [`serve`].
///
/// # Errors
/// What making the site failed with. Nothing is served any more.
///
/// # Cancel safety
/// As [`serve`]; a site that is being made is dropped.
pub async fn serve_when_made<E>(
    listener: impl Into<Listener>,
    site: impl Future<Output = Result<Site, E>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), E> {
    serve_patiently(listener.into(), site, shutdown, PATIENCE).await
}

async fn serve_patiently<E>(
    listener: Listener,
    site: impl Future<Output = Result<Site, E>>,
    shutdown: impl Future<Output = ()>,
    patience: Duration,
) -> Result<(), E> {
    let (mut making, mut shutdown) = (pin!(site), pin!(shutdown));
    tokio::select! {
        made = &mut making => {
            serve(listener, made?, shutdown).await;
            return Ok(());
        }
        () = &mut shutdown => return Ok(()),
        () = sleep(patience) => {}
    }
    if let Some(url) = listener.url() {
        tracing::info!("not ready yet: the database is being opened or migrated; {url} answers 503 meanwhile");
    }
    let (door, engine, mut failed) = (Door::default(), OnceLock::new(), None);
    let server = Server::new(listener);
    let gate = server.gate();
    let stop = async {
        tokio::select! {
            made = making => match made {
                Ok(site) => {
                    gate.set(&site.engine().limits().addresses);
                    let _ = engine.set(site.engine().clone());
                    door.open(site);
                    shutdown.await;
                }
                Err(error) => failed = Some(error),
            },
            () = &mut shutdown => {}
        }
    };
    let close = async {
        if let Some(engine) = engine.get() {
            engine.shutdown().await;
        }
    };
    server.run(door.clone(), stop, close).await;
    failed.map_or(Ok(()), Err)
}

/// The site, once it is made.
#[derive(Clone, Default)]
struct Door(Arc<OnceLock<BoxEndpoint<'static>>>);

impl Door {
    fn open(&self, site: Site) {
        // It is made once.
        let _ = self.0.set(site.into_endpoint());
    }
}

impl Endpoint for Door {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match self.0.get() {
            Some(site) => site.call(request).await,
            None if request.uri().path() == "/healthz" => Ok(site::status("ok")),
            None => Ok(not_ready()),
        }
    }
}

fn not_ready() -> Response {
    let detail = "the server is starting: its database is being opened or migrated; try again later";
    let mut response = Problem::http("unavailable", detail)
        .retry_after(RETRY_AFTER)
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .into_response(&Challenge::default());
    security_headers::add(response.headers_mut());
    response
}

/// When to try again. A migration takes seconds per million messages.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use chat_core::{ChatEngine, StartError};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::oneshot,
        task::{JoinHandle, yield_now},
    };

    use super::*;
    use crate::Guests;

    /// A server whose engine comes, or fails, when the test says so.
    struct Starting {
        address: SocketAddr,
        engine: oneshot::Sender<Result<(), StartError>>,
        stop: oneshot::Sender<()>,
        ended: JoinHandle<Result<(), StartError>>,
    }

    async fn start() -> Starting {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (engine, made) = oneshot::channel::<Result<(), StartError>>();
        let (stop, stopped) = oneshot::channel::<()>();
        let site = async {
            made.await.unwrap()?;
            Ok(site(ChatEngine::builder().build().await?, Guests))
        };
        let stopped = async { drop(stopped.await) };
        let ended = tokio::spawn(serve_patiently(listener.into(), site, stopped, Duration::ZERO));
        Starting { address, engine, stop, ended }
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn requests_are_refused_until_the_site_is_made() {
        let Starting { address, engine, stop, ended } = start().await;
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        for path in ["/readyz", "/api/chat/rooms", "/ws/chat/1?username=a", "/"] {
            let answer = get(address, path).await;
            assert!(answer.starts_with("HTTP/1.1 503"), "{path}: {answer}");
            assert!(
                answer.contains("retry-after: 5") && answer.contains(r#""code":"unavailable""#),
                "{path}: {answer}"
            );
        }
        engine.send(Ok(())).unwrap();
        while !get(address, "/readyz").await.starts_with("HTTP/1.1 200") {
            yield_now().await;
        }
        assert!(get(address, "/api/chat/rooms").await.starts_with("HTTP/1.1 200"));
        stop.send(()).unwrap();
        ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_start_that_fails_ends_the_server() {
        let Starting { address, engine, stop: _stop, ended } = start().await;
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        engine.send(Err(StartError::Unusable("of another version".to_owned()))).unwrap();
        assert!(matches!(ended.await.unwrap(), Err(StartError::Unusable(_))));
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_server_is_stopped_while_it_starts() {
        let Starting { address, engine: _engine, stop, ended } = start().await;
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        stop.send(()).unwrap();
        ended.await.unwrap().unwrap();
    }
}
