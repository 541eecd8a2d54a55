//! The documentation: Swagger UI, served from this program alone, and the OpenAPI document.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use poem::{Endpoint, Request, Response, Result, Route, get};

use crate::{
    file::{ALWAYS_ASK, File, HTML, SCRIPT, STYLE, Served, compressed},
    openapi,
    problem::Problem,
    security_headers::NOTHING,
};

/// The paths of [`routes`].
pub(crate) const PATHS: [&str; 6] =
    ["/docs", "/docs/start.js", "/docs/swagger-ui.js", "/docs/swagger-ui.css", "/openapi.json", "/openapi.yaml"];

/// Adds the documentation's paths.
pub(crate) fn routes(routes: Route) -> Route {
    PATHS.into_iter().enumerate().fold(routes, |all, (at, path)| all.at(path, get(Page(at))))
}

/// One of [`PATHS`], by its index.
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
        (HTML, POLICY, Bytes::from_static(PAGE.as_bytes())),
        (SCRIPT, POLICY, Bytes::from_static(START.as_bytes())),
        (SCRIPT, POLICY, script.into()),
        (STYLE, POLICY, style.into()),
        ("application/json", NOTHING, openapi::openapi_json().into()),
        ("application/yaml", NOTHING, openapi::openapi_yaml().into()),
    ];
    let file = |(kind, policy, plain): (_, _, Bytes)| {
        let gzip = compressed(&plain);
        Served::new(File { kind, cache: ALWAYS_ASK, policy, for_others: false, plain, gzip })
    };
    files.map(file).into()
});

/// A page without scripts, for a server without the web page.
#[cfg(not(feature = "ui"))]
pub(crate) fn page(plain: Bytes) -> File {
    let gzip = compressed(&plain);
    File { kind: HTML, cache: ALWAYS_ASK, policy: POLICY, for_others: false, plain, gzip }
}

/// The policy of Swagger UI: it runs scripts of this server, and connects only to this server. Text becomes HTML, but
/// never a script ([`START`]).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types default dompurify";

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat: the REST API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#;
/// Starts Swagger UI. It compiles patterns without the flag `u`, which the patterns of names need, so those patterns
/// are removed. The server still checks names and says what is wrong.
///
/// It shows the descriptions of the document as HTML, cleaned by DOMPurify. So HTML is taken from text here, where all of
/// it is our own document; scripts, and addresses of scripts, are not.
const START: &str = r"
if (window.trustedTypes) trustedTypes.createPolicy('default', { createHTML: (html) => html });
function withoutForeignPatterns(key, value) {
  if (key !== 'pattern' || typeof value !== 'string') return value;
  try {
    new RegExp(value);
    return value;
  } catch {
    return undefined;
  }
}
fetch('openapi.json')
  .then((answer) => answer.text())
  .then((text) => {
    const spec = JSON.parse(text, withoutForeignPatterns);
    SwaggerUIBundle({ dom_id: '#ui', spec, deepLinking: true, validatorUrl: null });
  });
";
