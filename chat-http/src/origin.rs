//! Which web pages may talk to this server: those it serves itself, and those on a list.

use std::{fmt, str::FromStr, sync::Arc};

use poem::http::{HeaderMap, HeaderValue, Uri, header};

/// A web origin as browsers send it: `https://chat.example` or `http://localhost:5173`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no [`Origin`].
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

/// The origins that are let in besides a server's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(Arc<[Origin]>);

impl Origins {
    pub(crate) fn new(allowed: impl IntoIterator<Item = Origin>) -> Self {
        Self(allowed.into_iter().collect())
    }

    /// Whether a page of this origin is on the list.
    pub(crate) fn lists(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().ok().and_then(|text| text.parse().ok());
        origin.is_some_and(|origin: Origin| self.0.contains(&origin))
    }

    /// Whether a socket may be opened with these headers: by no page at all, by a page of this server, or by one on the
    /// list. Browsers do not hold sockets to CORS, so this is the only wall.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => self.lists(origin) || is_own(origin, headers),
            (Some(_), Some(_)) => false,
        }
    }
}

/// Whether an origin is the server's own, as the client names the server.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin: Option<Origin> = origin.to_str().ok().and_then(|text| text.parse().ok());
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(origin), Some(host), None) = (origin, hosts.next(), hosts.next()) else { return false };
    let (Some((scheme, _)), Ok(host)) = (origin.0.split_once("://"), host.to_str()) else { return false };
    origin.0 == canonical(scheme, &host.to_ascii_lowercase())
}

/// Scheme and authority with the scheme's own port left out, as browsers write it.
fn canonical(scheme: &str, authority: &str) -> String {
    let port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(port).unwrap_or(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(listed: &[&str], headers: &[(&'static str, &'static str)]) -> bool {
        let origins = Origins::new(listed.iter().map(|text| text.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        origins.admit(&map)
    }

    #[test]
    fn no_origin_the_own_and_the_listed_are_admitted() {
        assert!(admitted(&[], &[("host", "chat.example")]));
        assert!(admitted(&[], &[("host", "Chat.example:443"), ("origin", "https://chat.example")]));
        assert!(admitted(&[], &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        assert!(admitted(&["https://app.example"], &[("host", "x"), ("origin", "https://app.example")]));
    }

    #[test]
    fn strangers_are_not() {
        for origin in
            ["null", "", "https://chat.example.evil", "https://chat.example:8443", "http://évil", "chat.example"]
        {
            assert!(!admitted(&[], &[("host", "chat.example"), ("origin", origin)]), "{origin}");
            let listed = admitted(&["https://chat.example"], &[("host", "x"), ("origin", origin)]);
            assert!(!listed, "{origin}");
        }
        assert!(!admitted(&[], &[("origin", "https://chat.example")]));
        let own = ("origin", "http://chat.example");
        assert!(!admitted(&[], &[("host", "chat.example"), own, own]));
    }

    #[test]
    fn origins_have_no_path() {
        for bad in ["", "*", "https://", "https://a/b", "https://a/", "ftp://a", "a.example", "https://u@a"] {
            assert_eq!(bad.parse::<Origin>(), Err(BadOrigin), "{bad}");
        }
    }
}
