//! The web page and its scripts, embedded as `npm run build` left them in `ui/dist`.

use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use poem::{
    Endpoint, Request, Response, Result, Route, get,
    http::{HeaderMap, HeaderName, StatusCode, header},
};

/// The page runs what comes from here and talks to here, and its text is never code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// Asked for again each time, which costs little: it is answered with 304.
const ALWAYS_ASK: &str = "no-cache";
/// Short, so that a page and its scripts are soon of one version after an update.
const A_MINUTE: &str = "public, max-age=60";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($path:literal, $file:literal, $kind:expr, $cache:expr, $for_others:literal) => {
        Asset {
            path: $path,
            kind: $kind,
            cache: $cache,
            for_others: $for_others,
            plain: include_bytes!(concat!("../ui/dist/", $file)),
            gzip: include_bytes!(concat!("../ui/dist/", $file, ".gz")),
        }
    };
}

const ASSETS: [Asset; 6] = [
    asset!("/", "index.html", HTML, ALWAYS_ASK, false),
    asset!("/app.js", "app.js", SCRIPT, A_MINUTE, false),
    asset!("/app.css", "app.css", "text/css; charset=utf-8", A_MINUTE, false),
    asset!("/favicon.svg", "favicon.svg", "image/svg+xml", A_MINUTE, false),
    asset!("/client.js", "client.js", SCRIPT, A_MINUTE, true),
    asset!("/widget.js", "widget.js", SCRIPT, A_MINUTE, true),
];

/// Adds the page's paths.
pub(crate) fn routes(routes: Route) -> Route {
    ASSETS.into_iter().fold(routes, |all, asset| all.at(asset.path, get(Tagged::new(asset))))
}

/// The paths of [`routes`].
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    ASSETS.into_iter().map(|asset| asset.path)
}

/// A file of the page.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    kind: &'static str,
    cache: &'static str,
    /// Whether pages of other origins may load it: all that it does is up to them.
    for_others: bool,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// A file and its entity tags, one for each of its two forms.
struct Tagged {
    asset: Asset,
    plain_tag: String,
    gzip_tag: String,
}

impl Tagged {
    fn new(asset: Asset) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(asset.plain);
        let hash = hasher.finish();
        Self { asset, plain_tag: format!("\"{hash:016x}\""), gzip_tag: format!("\"{hash:016x}-gzip\"") }
    }
}

impl Endpoint for Tagged {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let asset = self.asset;
        let zipped = takes_gzip(request.headers());
        let (tag, body) = if zipped { (&self.gzip_tag, asset.gzip) } else { (&self.plain_tag, asset.plain) };
        let (embedders, openers) = if asset.for_others { ("cross-origin", "*") } else { ("same-origin", "") };
        let mut answer = Response::builder()
            .header(header::ETAG, tag)
            .header(header::CACHE_CONTROL, asset.cache)
            .header(header::VARY, "Accept-Encoding")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .header(header::REFERRER_POLICY, "no-referrer")
            .header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin")
            .header(HeaderName::from_static("cross-origin-resource-policy"), embedders);
        if !openers.is_empty() {
            answer = answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN, openers);
        }
        if is_known(request.headers(), tag) {
            return Ok(answer.status(StatusCode::NOT_MODIFIED).finish());
        }
        if zipped {
            answer = answer.header(header::CONTENT_ENCODING, "gzip");
        }
        Ok(answer.content_type(asset.kind).body(Bytes::from_static(body)))
    }
}

/// Whether the client takes gzip: it is named, or everything is, and not with a weight of nothing.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut anything = false;
    for coding in items(headers, header::ACCEPT_ENCODING) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=").trim();
        let taken = weight.is_empty() || weight.parse::<f32>().is_ok_and(|weight| weight > 0.0);
        match name.trim() {
            "gzip" | "x-gzip" => return taken,
            "*" => anything = taken,
            _ => {}
        }
    }
    anything
}

/// Whether the client has this very form already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    items(headers, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The items of a header that is a list.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        for taken in ["gzip", "br, gzip;q=0.5", "deflate , gzip", "*", "br;q=1, *;q=0.1", "x-gzip"] {
            assert!(takes_gzip(&with(header::ACCEPT_ENCODING, taken)), "{taken}");
        }
        for refused in ["", "br", "identity", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "gzipped", "gzip;q=much"] {
            assert!(!takes_gzip(&with(header::ACCEPT_ENCODING, refused)), "{refused}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_tag_is_found_among_others() {
        for known in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(is_known(&with(header::IF_NONE_MATCH, known), "\"a\""), "{known}");
        }
        for other in ["\"a-gzip\"", "a", "\"b\""] {
            assert!(!is_known(&with(header::IF_NONE_MATCH, other), "\"a\""), "{other}");
        }
    }
}
