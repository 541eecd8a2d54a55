//! Entity tags: what an answer is known by, and whether a client has it already (RFC 9110, sections 8.8.3 and 13.1.2).

use std::hash::{DefaultHasher, Hasher};

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The tag of these bytes. Two answers of the same bytes have the same one, on one version of the server.
pub(crate) fn of(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}\"", hasher.finish())
}

/// What a client says that it has.
pub(crate) struct Known(Vec<HeaderValue>);

impl Known {
    /// What `If-None-Match` says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect())
    }

    /// Whether this is among it; weak tags count as strong ones do, as it is for reading.
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
