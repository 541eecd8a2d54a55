//! Query strings, decoded strictly: bytes that are not UTF-8 are refused, not replaced.

use std::ops::RangeInclusive;

use chat_core::Error;

use crate::integer::integer_within;

/// The first value of a parameter. Further values and unknown parameters are ignored.
pub(crate) fn get(query: Option<&str>, name: &'static str) -> Result<Option<String>, Error> {
    for pair in query.unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(key).as_deref() == Some(name) {
            let value = decode(value).ok_or_else(|| Error::invalid_field(name, "must be percent-encoded UTF-8"))?;
            if value.contains('\0') {
                return Err(Error::invalid_field(name, "must not contain U+0000"));
            }
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// A parameter that is an integer in this range.
pub(crate) fn integer(
    query: Option<&str>,
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Error> {
    let number = get(query, name)?.map(|text| integer_within(&text, range));
    number.transpose().map_err(|reason| Error::invalid_field(name, reason))
}

/// A parameter that is `true` or `false`.
pub(crate) fn boolean(query: Option<&str>, name: &'static str) -> Result<Option<bool>, Error> {
    match get(query, name)?.as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Error::invalid_field(name, "must be true or false")),
    }
}

/// Decodes percent-encoding; `None` for a broken escape or text that is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? * 16 + hex(rest.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        assert_eq!(get(Some("a=1&b=J%C3%B6rg+B"), "b").unwrap().as_deref(), Some("Jörg B"));
        assert_eq!(get(Some("a=1&a=2"), "a").unwrap().as_deref(), Some("1"));
        assert_eq!(get(Some("a"), "a").unwrap().as_deref(), Some(""));
        assert_eq!(get(Some("%61=x"), "a").unwrap().as_deref(), Some("x"));
        assert_eq!(get(None, "a").unwrap(), None);
    }

    #[test]
    fn broken_escapes_and_broken_text_are_refused() {
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%ed%a0%80", "a=%00"] {
            assert_eq!(get(Some(bad), "a").unwrap_err().code(), "invalid_field", "{bad}");
        }
    }
}
