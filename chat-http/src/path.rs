//! Paths in one spelling: percent-encoded characters that need no encoding are the characters (RFC 3986, section 6.2.2.2).

use std::borrow::Cow;

/// A path in its one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spelled<'a> {
    /// The path. What has to be encoded, a slash within a segment before all, stays encoded.
    pub(crate) path: Cow<'a, str>,
    /// The first segment that is no text: an escape in it is broken, or its bytes are not UTF-8.
    pub(crate) broken: Option<usize>,
}

/// Spells a path as it is compared.
pub(crate) fn spell(path: &str) -> Spelled<'_> {
    if !path.contains('%') {
        return Spelled { path: Cow::Borrowed(path), broken: None };
    }
    let segments: Vec<_> = path.split('/').map(spell_segment).collect();
    let broken = segments.iter().position(Option::is_none);
    let whole = segments.into_iter().zip(path.split('/'));
    let whole: Vec<String> =
        whole.map(|(spelled, as_it_was)| spelled.unwrap_or_else(|| as_it_was.to_owned())).collect();
    Spelled { path: Cow::Owned(whole.join("/")), broken }
}

/// `None` where it is no text.
fn spell_segment(segment: &str) -> Option<String> {
    let mut spelled = String::with_capacity(segment.len());
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.chars();
    while let Some(char) = rest.next() {
        if char != '%' {
            spelled.push(char);
            bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.as_str().get(..2)?;
        let byte =
            escape.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(escape, 16).ok())??;
        rest = rest.as_str()[2..].chars();
        bytes.push(byte);
        if is_unreserved(byte) {
            spelled.push(char::from(byte));
        } else {
            spelled.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    String::from_utf8(bytes).is_ok().then_some(spelled)
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
        for (path, spelled) in [
            ("/api/chat/%72ooms", "/api/chat/rooms"),
            ("/%61%70%69/chat", "/api/chat"),
            ("/rooms/%31", "/rooms/1"),
            ("/%7euser%2E", "/~user."),
            ("/a%2fb/%2F", "/a%2Fb/%2F"),
            ("/%c3%a9%20%25", "/%C3%A9%20%25"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(spell(path), Spelled { path: Cow::Borrowed(spelled), broken: None }, "{path}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_by_its_segment() {
        for (path, segment) in
            [("/rooms/%FF", 2), ("/%zz/x", 1), ("/a/b/%", 3), ("/%e9", 1), ("/%+1", 1), ("/%4\u{e9}", 1)]
        {
            assert_eq!(spell(path).broken, Some(segment), "{path}");
            assert_eq!(spell(path).path, path);
        }
    }
}
