//! What a whole site has besides the API: a front page, the documentation and health.

use bytes::Bytes;
use chat_core::{ChatEngine, Error};
use poem::{
    Endpoint, IntoEndpoint, Request, Response, Result, Route,
    endpoint::make_sync,
    get,
    http::{Method, header},
};

#[cfg(feature = "ui")]
use crate::assets;
use crate::{edge::Methods, openapi, problem::Problem};

/// The paths of [`routes`] besides the front page's.
const PATHS: [&str; 5] = ["/docs", "/openapi.json", "/openapi.yaml", "/healthz", "/readyz"];

/// Adds the site's own paths to the API's.
pub(crate) fn routes(api: Route, engine: ChatEngine) -> Route {
    front(api)
        .at("/docs", get(page("text/html; charset=utf-8", openapi::swagger_ui(), WITH_SCRIPTS)))
        .at("/openapi.json", get(page("application/json", openapi::openapi_json(), PLAIN)))
        .at("/openapi.yaml", get(page("application/yaml", openapi::openapi_yaml(), PLAIN)))
        .at("/healthz", get(page("application/json", "{\"status\":\"ok\"}", PLAIN)))
        .at("/readyz", get(Ready(engine)))
}

/// The methods of the site's own paths.
pub(crate) fn methods(api: Methods) -> Methods {
    front_paths().chain(PATHS).fold(api, |all, path| all.add(path, [Method::GET]))
}

/// The web page, where one chats.
#[cfg(feature = "ui")]
fn front(api: Route) -> Route {
    assets::routes(api)
}

#[cfg(feature = "ui")]
fn front_paths() -> impl Iterator<Item = &'static str> {
    assets::paths()
}

/// A page that says what is here.
#[cfg(not(feature = "ui"))]
fn front(api: Route) -> Route {
    api.at("/", get(page("text/html; charset=utf-8", include_str!("site.html"), PLAIN)))
}

#[cfg(not(feature = "ui"))]
fn front_paths() -> impl Iterator<Item = &'static str> {
    ["/"].into_iter()
}

/// An endpoint with one page of plain text at `path`, made anew each time: for metrics on an address of their own.
pub fn text_page(
    path: &'static str,
    content_type: &'static str,
    text: impl Fn() -> String + Send + Sync + 'static,
) -> impl IntoEndpoint<Endpoint: 'static> {
    Route::new().at(path, get(make_sync(move |_| Response::builder().content_type(content_type).body(text()))))
}

/// Whether the engine takes commands and its database stores.
struct Ready(ChatEngine);

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _request: Request) -> Result<Response> {
        let health = self.0.health();
        if health.ready {
            return Ok(Response::builder().content_type("application/json").body("{\"status\":\"ready\"}"));
        }
        Err(Problem::from(health.reason.unwrap_or(Error::Unavailable)).into())
    }
}

/// Nothing is loaded and nothing runs.
const PLAIN: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
/// Swagger UI is one page with its scripts in it; it may ask this server only.
const WITH_SCRIPTS: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                            img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

fn page(content_type: &'static str, text: impl Into<Bytes>, policy: &'static str) -> impl Endpoint {
    let text = text.into();
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(text.clone())
    })
}
