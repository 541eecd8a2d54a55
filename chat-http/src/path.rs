//! Normalizes paths: characters that are percent-encoded without need are decoded (RFC 3986, section 6.2.2.2).

use std::borrow::Cow;

/// A normalized path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Normalized<'a> {
    /// The path. Characters that must be encoded stay encoded, such as a slash within a segment.
    pub(crate) path: Cow<'a, str>,
    /// The index of the first segment that is not valid text: it has a broken escape, or is not UTF-8.
    pub(crate) broken: Option<usize>,
}

/// Normalizes a path for comparison.
pub(crate) fn normalize(path: &str) -> Normalized<'_> {
    if !path.contains('%') {
        return Normalized { path: Cow::Borrowed(path), broken: None };
    }
    let segments: Vec<_> = path.split('/').map(normalize_segment).collect();
    let broken = segments.iter().position(Option::is_none);
    let whole = segments.into_iter().zip(path.split('/'));
    let whole: Vec<String> =
        whole.map(|(normalized, as_it_was)| normalized.unwrap_or_else(|| as_it_was.to_owned())).collect();
    Normalized { path: Cow::Owned(whole.join("/")), broken }
}

/// Normalizes a segment; `None` if it is not valid text.
fn normalize_segment(segment: &str) -> Option<String> {
    let mut normalized = String::with_capacity(segment.len());
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.chars();
    while let Some(char) = rest.next() {
        if char != '%' {
            normalized.push(char);
            bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.as_str().get(..2)?;
        let byte =
            escape.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(escape, 16).ok())??;
        rest = rest.as_str()[2..].chars();
        bytes.push(byte);
        if is_unreserved(byte) {
            normalized.push(char::from(byte));
        } else {
            normalized.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    String::from_utf8(bytes).is_ok().then_some(normalized)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_encoding_is_itself() {
        for (path, normalized) in [
            ("/api/chat/%72ooms", "/api/chat/rooms"),
            ("/%61%70%69/chat", "/api/chat"),
            ("/rooms/%31", "/rooms/1"),
            ("/%7euser%2E", "/~user."),
            ("/a%2fb/%2F", "/a%2Fb/%2F"),
            ("/%c3%a9%20%25", "/%C3%A9%20%25"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(normalize(path), Normalized { path: Cow::Borrowed(normalized), broken: None }, "{path}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_by_its_segment() {
        for (path, segment) in
            [("/rooms/%FF", 2), ("/%zz/x", 1), ("/a/b/%", 3), ("/%e9", 1), ("/%+1", 1), ("/%4\u{e9}", 1)]
        {
            assert_eq!(normalize(path).broken, Some(segment), "{path}");
            assert_eq!(normalize(path).path, path);
        }
    }
}
