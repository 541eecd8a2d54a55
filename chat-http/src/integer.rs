//! Whole numbers on the wire: in JSON, in URLs and in ids of events they are written and bounded alike.

use std::ops::RangeInclusive;

/// The largest integer on the wire: 2^53 − 1, the last one that JavaScript counts exactly.
pub(crate) const MAX_INTEGER: u64 = (1 << 53) - 1;

/// An integer as JSON writes it, without sign, fraction or exponent, up to [`MAX_INTEGER`].
pub(crate) fn parse_integer(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= MAX_INTEGER)
}

/// An integer in this range, or what is wrong with the text, in words for people.
pub(crate) fn integer_within(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number = parse_integer(text).filter(|number| range.contains(number));
    number.ok_or_else(|| format!("must be an integer from {} to {}", range.start(), range.end()))
}
