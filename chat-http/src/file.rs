//! Static files: their type, their entity tags, their plain and compressed forms, and their `Content-Security-Policy`.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderMap, header},
};

use crate::{etag, security_headers::RESOURCE_POLICY};

/// Clients ask each time whether the file is current. That costs little, since most answers are 304.
pub(crate) const ALWAYS_ASK: &str = "no-cache";
/// Clients may keep the file for a minute, so that a page and its scripts soon have the same version after an update.
#[cfg(feature = "ui")]
pub(crate) const A_MINUTE: &str = "public, max-age=60";

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";

/// A file to be served.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) kind: &'static str,
    pub(crate) cache: &'static str,
    /// The `Content-Security-Policy`.
    pub(crate) policy: &'static str,
    /// Whether pages of other origins may load it. Then those pages are responsible for what it does.
    pub(crate) for_others: bool,
    pub(crate) plain: Bytes,
    /// Its compressed form; none for what is compressed as it is.
    pub(crate) gzip: Option<Bytes>,
}

/// A file with an entity tag for each of its two forms.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    file: File,
    plain_tag: String,
    gzip_tag: String,
}

impl Served {
    /// Compresses the file and computes its tags.
    pub(crate) fn new(file: File) -> Self {
        let plain_tag = etag::of(&file.plain);
        let gzip_tag = format!("{}-gzip\"", plain_tag.trim_end_matches('"'));
        Self { file, plain_tag, gzip_tag }
    }

    /// The answer to a request for the file. (The middleware turns it into a 304 if the client already has it.)
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let file = &self.file;
        let zipped = file.gzip.as_ref().filter(|_| takes_gzip(request.headers()));
        let (tag, body) = zipped.map_or((&self.plain_tag, &file.plain), |gzip| (&self.gzip_tag, gzip));
        let mut answer = Response::builder()
            .content_type(file.kind)
            .header(header::ETAG, tag)
            .header(header::CACHE_CONTROL, file.cache)
            .header(header::VARY, "Accept-Encoding")
            .header(header::CONTENT_SECURITY_POLICY, file.policy);
        if file.for_others {
            answer = answer.header(RESOURCE_POLICY, "cross-origin").header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        }
        if zipped.is_some() {
            answer = answer.header(header::CONTENT_ENCODING, "gzip");
        }
        answer.body(body.clone())
    }
}

impl Endpoint for Served {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        Ok(self.answer(&request))
    }
}

/// A file's compressed form.
pub(crate) fn compressed(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    drop(encoder.write_all(plain));
    encoder.finish().unwrap_or_default().into()
}

/// Whether the client accepts gzip: it names `gzip` or `*`, and not with a weight of 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut anything = false;
    for coding in etag::items(headers, header::ACCEPT_ENCODING) {
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

#[cfg(test)]
mod tests {
    use poem::http::HeaderName;

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
}
