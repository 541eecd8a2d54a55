//! Web origins: the pages that may use this server, which are its own and those on a list.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use chat_core::log::Excerpt;
use poem::{
    Request,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Scheme},
};

use crate::{
    host::{Authority, HostName},
    security_log,
};

/// A web origin as browsers send it: `https://chat.example` or `http://localhost:5173`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// The error of parsing a text that is not an [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadOrigin;

impl fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be http(s)://host or http(s)://host:port, without a path")
    }
}

impl std::error::Error for BadOrigin {}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let text = text.to_ascii_lowercase();
        let uri: Uri = text.parse().map_err(|_| BadOrigin)?;
        let (scheme, authority) = (uri.scheme_str().ok_or(BadOrigin)?, uri.authority().ok_or(BadOrigin)?);
        let whole = format!("{scheme}://{authority}");
        let plain = matches!(scheme, "http" | "https") && !authority.as_str().contains('@') && whole == text;
        if plain { Ok(Self(canonical(scheme, authority.as_str()))) } else { Err(BadOrigin) }
    }
}

/// The page that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The request names none: it comes from no page, or from one of this server that only reads.
    Unnamed,
    /// One of this server.
    Own,
    /// Another one, whether it is on the list or not; or it cannot be told.
    Other,
}

/// The origins of the pages that may use this server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// Origins that are allowed besides the server's own.
    listed: Arc<[Origin]>,
    /// The server's own origin, if it was configured; otherwise each request tells it.
    own: Option<Origin>,
    told: Arc<Told>,
}

impl Origins {
    /// Allows these origins, too.
    pub(crate) fn allow(self, listed: impl IntoIterator<Item = Origin>) -> Self {
        Self { listed: listed.into_iter().collect(), ..self }
    }

    /// Sets the server's own origin.
    pub(crate) fn own(self, own: Origin) -> Self {
        Self { own: Some(own), ..self }
    }

    /// The host of the server's own origin, if one was configured and it is a name.
    pub(crate) fn own_host(&self) -> Option<HostName> {
        let (_, authority) = self.own.as_ref()?.0.split_once("://")?;
        authority.split(':').next()?.parse().ok()
    }

    /// Whether people reach this server by TLS: by the URL that was configured, or else by this request. A loopback name
    /// does not count, since other servers of the machine have it, too.
    pub(crate) fn are_reached_by_tls(&self, request: &Request) -> bool {
        match &self.own {
            Some(own) => own.0.starts_with("https:"),
            None => {
                let named = Authority::of(request).ok().flatten();
                *request.scheme() == Scheme::HTTPS && named.is_some_and(|host| !host.is_loopback())
            }
        }
    }

    /// Whether a page of this origin is on the list.
    pub(crate) fn lists(&self, origin: &HeaderValue) -> bool {
        parse(origin).is_some_and(|origin| self.listed.contains(&origin))
    }

    /// Whether a request may have effects: it comes from no page, from a page of this server, or from a page on the
    /// list. Browsers do not apply CORS to sockets, nor to requests whose answer the page does not read, so this check
    /// is the only protection.
    pub(crate) fn admit(&self, request: &Request) -> bool {
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => is_of_no_other_site(request.headers()),
            (Some(origin), None) => {
                let is_admitted = self.lists(origin) || self.is_own(origin, request);
                if !is_admitted {
                    self.told.tell(origin);
                }
                is_admitted
            }
            (Some(_), Some(_)) => false,
        }
    }

    /// The page that a request comes from.
    pub(crate) fn page(&self, request: &Request) -> Page {
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) if is_of_no_other_site(request.headers()) => Page::Unnamed,
            (Some(origin), None) if self.is_own(origin, request) => Page::Own,
            _ => Page::Other,
        }
    }

    /// Whether an origin is the server's own: the configured one, or else the one by which the client addresses the
    /// server.
    fn is_own(&self, origin: &HeaderValue, request: &Request) -> bool {
        let Some(origin) = parse(origin) else { return false };
        if let Some(own) = &self.own {
            return origin == *own;
        }
        let Ok(Some(host)) = Authority::of(request) else { return false };
        origin.0 == canonical(request.scheme().as_str(), &host.as_str().to_ascii_lowercase())
    }
}

/// The refused origins that were logged. An operator who forgot to list one finds it in the log, and nobody can flood
/// the log.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    /// This many origins are logged per process, each once.
    const MOST: usize = 16;

    fn tell(&self, origin: &HeaderValue) {
        let origin = Excerpt(String::from_utf8_lossy(origin.as_bytes())).to_string();
        if self.is_new(&origin) {
            security_log::page_refused(&origin);
        }
    }

    fn is_new(&self, origin: &str) -> bool {
        // No code panics while it holds this lock.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.len() < Self::MOST && !told.iter().any(|other| other == origin);
        if is_new {
            told.push(origin.to_owned());
        }
        is_new
    }
}

/// Whether `Sec-Fetch-Site` shows that no other site made a request without `Origin`, such as one for an image.
fn is_of_no_other_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    match (sites.next(), sites.next()) {
        (None, _) => true,
        (Some(site), None) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        (Some(_), Some(_)) => false,
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

fn parse(origin: &HeaderValue) -> Option<Origin> {
    origin.to_str().ok()?.parse().ok()
}

/// Scheme and authority as browsers write them, without the default port of the scheme.
fn canonical(scheme: &str, authority: &str) -> String {
    let port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(port).unwrap_or(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> Request {
        let builder = Request::builder().uri_str("/");
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).finish()
    }

    fn origins(listed: &[&str]) -> Origins {
        Origins::default().allow(listed.iter().map(|text| text.parse().unwrap()))
    }

    fn admitted(listed: &[&str], headers: &[(&'static str, &'static str)]) -> bool {
        origins(listed).admit(&request(headers))
    }

    #[test]
    fn no_origin_the_own_and_the_listed_are_admitted() {
        assert!(admitted(&[], &[("host", "chat.example")]));
        assert!(admitted(&[], &[("host", "Chat.example:80"), ("origin", "http://chat.example")]));
        assert!(admitted(&[], &[("host", "chat.example"), ("origin", "HTTP://Chat.Example")]));
        assert!(admitted(&[], &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        assert!(admitted(&["https://app.example"], &[("host", "x"), ("origin", "https://app.example")]));
    }

    #[test]
    fn strangers_are_not() {
        for origin in
            ["null", "", "http://chat.example.evil", "http://chat.example:8080", "http://évil", "chat.example"]
        {
            assert!(!admitted(&[], &[("host", "chat.example"), ("origin", origin)]), "{origin}");
            let listed = admitted(&["http://chat.example"], &[("host", "x"), ("origin", origin)]);
            assert!(!listed, "{origin}");
        }
        assert!(!admitted(&[], &[("origin", "http://chat.example")]));
        let own = ("origin", "http://chat.example");
        assert!(!admitted(&[], &[("host", "chat.example"), own, own]));
        assert!(!admitted(&[], &[("host", "chat.example"), ("origin", "https://chat.example")]), "another scheme");
    }

    #[test]
    fn the_public_url_is_the_own_origin_and_no_other() {
        let origins = Origins::default().own("https://chat.example".parse().unwrap());
        for (host, origin, own) in [
            ("chat.example", "https://chat.example", true),
            ("10.0.0.7:8080", "https://chat.example:443", true),
            ("chat.example", "http://chat.example", false),
            ("10.0.0.7:8080", "http://10.0.0.7:8080", false),
        ] {
            assert_eq!(origins.admit(&request(&[("host", host), ("origin", origin)])), own, "{host} {origin}");
        }
    }

    #[test]
    fn the_target_tells_the_own_origin_before_the_host() {
        let ask = |target: &'static str| {
            let builder = Request::builder().uri_str(target).header("host", "a.example");
            Origins::default().admit(&builder.header("origin", "http://a.example").finish())
        };
        assert!(ask("/") && ask("http://a.example/") && !ask("http://b.example/"));
    }

    #[test]
    fn without_an_origin_the_site_tells() {
        let site = |value| ("sec-fetch-site", value);
        for own in ["same-origin", "none"] {
            assert!(admitted(&[], &[site(own)]), "{own}");
        }
        for other in ["cross-site", "same-site", "Cross-Site", "", "same-origin, cross-site", "strange"] {
            assert!(!admitted(&[], &[site(other)]), "{other}");
        }
        assert!(!admitted(&[], &[site("same-origin"), site("cross-site")]));
        let listed = ("origin", "https://app.example");
        assert!(admitted(&["https://app.example"], &[listed, site("cross-site")]), "the list is asked first");
        assert!(!admitted(&[], &[listed, site("same-origin")]), "an origin stands above it");
    }

    #[test]
    fn only_the_servers_own_pages_are_its_own() {
        let page = |headers: &[(&'static str, &'static str)]| {
            let host = [("host", "chat.example")];
            origins(&["https://app.example"]).page(&request(&[&host, headers].concat()))
        };
        assert_eq!(page(&[]), Page::Unnamed);
        assert_eq!(page(&[("sec-fetch-site", "same-origin")]), Page::Unnamed);
        assert_eq!(page(&[("sec-fetch-site", "same-site")]), Page::Other);
        assert_eq!(page(&[("origin", "http://chat.example")]), Page::Own);
        for other in ["https://app.example", "http://chat.example:81", "null", "http://chat.example.evil"] {
            assert_eq!(page(&[("origin", other)]), Page::Other, "{other}");
        }
        let own = ("origin", "http://chat.example");
        assert_eq!(page(&[own, own]), Page::Other);
    }

    #[test]
    fn origins_have_no_path() {
        for bad in ["", "*", "https://", "https://a/b", "https://a/", "ftp://a", "a.example", "https://u@a"] {
            assert_eq!(bad.parse::<Origin>(), Err(BadOrigin), "{bad}");
        }
    }

    #[test]
    fn each_refused_origin_is_logged_once_and_not_without_end() {
        let told = Told::default();
        assert!(told.is_new("http://a.example"));
        assert!(!told.is_new("http://a.example"));
        let new = (0..1_000).filter(|number| told.is_new(&format!("http://{number}.example"))).count();
        assert_eq!(new, Told::MOST - 1);
    }
}
