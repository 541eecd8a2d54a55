//! The documentation: Swagger UI, served from this program alone, the frames of the WebSocket, and the OpenAPI document.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use poem::{Endpoint, Request, Response, Result, Route, endpoint::make_sync, get, web::Redirect};
use pulldown_cmark::{Parser, html};

use crate::{
    file::{ALWAYS_ASK, File, HTML, SCRIPT, STYLE, Served, compressed},
    openapi,
    problem::Problem,
    security_headers::NOTHING,
};

/// The paths of the files.
const FILE_PATHS: [&str; 8] = [
    "/docs",
    "/docs/start.js",
    "/docs/docs.css",
    "/docs/frames",
    "/docs/swagger-ui.js",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/openapi.yaml",
];
/// What people write instead of `/docs`.
const WITH_SLASH: &str = "/docs/";

/// Adds the documentation's paths.
pub(crate) fn routes(routes: Route) -> Route {
    let files = FILE_PATHS.into_iter().enumerate();
    files
        .fold(routes, |all, (at, path)| all.at(path, get(Page(at))))
        .at(WITH_SLASH, get(make_sync(|_| Redirect::permanent("../docs"))))
}

/// The paths of [`routes`].
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    FILE_PATHS.into_iter().chain([WITH_SLASH])
}

/// One of the files, by the index of its path in [`FILE_PATHS`].
struct Page(usize);

impl Endpoint for Page {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        // The first request waits until the files are compressed; the worker threads go on serving others.
        let files = tokio::task::spawn_blocking(|| Arc::clone(&FILES)).await.map_err(|_| Problem::internal())?;
        Ok(files.get(self.0).ok_or_else(Problem::not_found)?.answer(&request))
    }
}

/// The files, which are the same for every engine. They are made at the first request, since few servers ever need
/// them.
static FILES: LazyLock<Arc<[Served]>> = LazyLock::new(|| {
    let (script, style) = openapi::swagger_ui();
    let files = [
        (HTML, POLICY, Bytes::from_static(include_bytes!("page.html"))),
        (SCRIPT, POLICY, Bytes::from_static(include_bytes!("start.js"))),
        (STYLE, POLICY, Bytes::from_static(include_bytes!("docs.css"))),
        (HTML, POLICY, frames().into()),
        (SCRIPT, POLICY, script.into()),
        (STYLE, POLICY, style.into()),
        ("application/json", NOTHING, openapi::openapi_json().into()),
        ("application/yaml", NOTHING, openapi::openapi_yaml().into()),
    ];
    let file = |(kind, policy, plain): (_, _, Bytes)| {
        let gzip = Some(compressed(&plain));
        Served::new(File { kind, cache: ALWAYS_ASK, policy, for_others: false, plain, gzip })
    };
    files.map(file).into()
});

/// The page of the frames.
fn frames() -> String {
    let mut text = String::new();
    html::push_html(&mut text, Parser::new(&openapi::frames()));
    include_str!("frames.html").replace("{text}", &text)
}

/// A page without scripts, for a server without the web page.
#[cfg(not(feature = "ui"))]
pub(crate) fn page(plain: Bytes) -> File {
    let gzip = Some(compressed(&plain));
    File { kind: HTML, cache: ALWAYS_ASK, policy: POLICY, for_others: false, plain, gzip }
}

/// The policy of Swagger UI: it runs scripts of this server, and connects only to this server. Text becomes HTML, but
/// never a script (`start.js`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types default dompurify";
