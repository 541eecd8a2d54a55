//! Times, as the wire and histories have them.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time that a text such as `2026-11-22T10:00:00.000Z` says, if it says one.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / NANOS).ok()
}

/// The text of a time.
#[must_use]
pub fn text(millis: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * NANOS);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Nanoseconds of a millisecond.
const NANOS: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_same_in_both_forms() {
        let millis = parse("2026-11-22T10:00:00.125Z").unwrap();
        assert_eq!((millis, parse(&text(millis))), (1_795_341_600_125, Some(millis)));
        assert_eq!(parse("yesterday"), None);
    }
}
