//! Entity tags: identifying an answer, and finding out whether a client already has it (RFC 9110, sections 8.8.3 and
//! 13.1.2).

use std::hash::{DefaultHasher, Hasher};

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The tag of these bytes. On one version of the server, equal bytes have equal tags.
pub(crate) fn of(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}\"", hasher.finish())
}

/// The tags of the answers that a client already has.
pub(crate) struct Known(Vec<HeaderValue>);

impl Known {
    /// Reads `If-None-Match`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect())
    }

    /// Whether the client has the answer with this tag. Weak and strong tags are compared alike, as RFC 9110 says for
    /// reading.
    pub(crate) fn has(&self, tag: &HeaderValue) -> bool {
        let Ok(tag) = tag.to_str() else { return false };
        let values = self.0.iter().filter_map(|value| value.to_str().ok());
        let mut known = values.flat_map(|value| value.split(',')).map(str::trim);
        known.any(|known| known == "*" || opaque(known) == opaque(tag))
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The items of a header that is a list.
pub(crate) fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others() {
        let known = |value: &str| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, value.parse().unwrap())]);
            Known::of(&headers).has(&HeaderValue::from_static("\"a\""))
        };
        for has in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*", "\"b\",W/\"a\" ,\"c\""] {
            assert!(known(has), "{has}");
        }
        for lacks in ["\"a-gzip\"", "a", "\"b\"", "", "w/\"a\""] {
            assert!(!known(lacks), "{lacks}");
        }
    }

    #[test]
    fn other_bytes_have_another_tag() {
        assert_eq!(of(b"x"), of(b"x"));
        assert_ne!(of(b"x"), of(b"y"));
        assert!(of(b"").starts_with('"') && of(b"").len() == 18);
    }
}
