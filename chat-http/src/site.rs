//! The parts of a site besides the API: a front page, the documentation and health checks.

#[cfg(not(feature = "ui"))]
use bytes::Bytes;
use chat_core::{ChatEngine, Error};
use poem::{Endpoint, IntoEndpoint, Request, Response, Result, Route, endpoint::make_sync, get, http::Method};

#[cfg(feature = "ui")]
use crate::assets;
#[cfg(not(feature = "ui"))]
use crate::file::Served;
use crate::{docs, entrance::Entrance, methods::Methods, problem::Problem};

/// The paths of [`routes`] without the front page.
const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Adds the site's own paths to the API's.
pub(crate) fn routes(api: Route, engine: ChatEngine, entrance: Entrance) -> Route {
    docs::routes(front(api, entrance))
        .at("/healthz", get(make_sync(|_| status("ok"))))
        .at("/readyz", get(Ready(engine)))
}

/// The methods of the site's own paths.
pub(crate) fn methods(api: Methods) -> Methods {
    front_paths().chain(docs::paths()).chain(PATHS).fold(api, |all, path| all.add(path, [Method::GET]))
}

/// The web page for chatting.
#[cfg(feature = "ui")]
fn front(api: Route, entrance: Entrance) -> Route {
    assets::routes(api, entrance)
}

#[cfg(feature = "ui")]
fn front_paths() -> impl Iterator<Item = &'static str> {
    assets::paths()
}

/// A page that lists what the server offers.
#[cfg(not(feature = "ui"))]
fn front(api: Route, _entrance: Entrance) -> Route {
    let page = Bytes::from_static(include_bytes!("site.html"));
    api.at("/", get(Served::new(docs::page(page))))
}

#[cfg(not(feature = "ui"))]
fn front_paths() -> impl Iterator<Item = &'static str> {
    ["/"].into_iter()
}

/// An endpoint with one page of plain text at `path`. The text is made anew for each request, as a page of metrics
/// needs.
pub fn text_page(
    path: &'static str,
    content_type: &'static str,
    text: impl Fn() -> String + Send + Sync + 'static,
) -> impl IntoEndpoint<Endpoint: 'static> {
    Route::new().at(path, get(make_sync(move |_| Response::builder().content_type(content_type).body(text()))))
}

/// Readiness: whether the engine accepts commands and its database stores them.
struct Ready(ChatEngine);

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _request: Request) -> Result<Response> {
        let health = self.0.health();
        if health.ready {
            return Ok(status("ready"));
        }
        Err(Problem::from(health.reason.unwrap_or(Error::Unavailable)).into())
    }
}

/// The answer to a question about health.
pub(crate) fn status(word: &str) -> Response {
    Response::builder().content_type("application/json").body(format!("{{\"status\":\"{word}\"}}"))
}
