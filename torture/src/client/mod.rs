//! Clients that record everything they do and see.

pub mod command;
pub mod endpoint;
pub mod feed;
pub mod frame;
pub mod reply;
pub mod rest;
pub mod socket;
pub mod stamp;
pub mod stream;
pub mod token;

/// Whether it was refused because the user may not do this now, and may be allowed to later.
#[must_use]
pub fn is_barred(code: &str) -> bool {
    matches!(code, "banned" | "forbidden" | "room_not_found")
}

/// Whether a command that was refused with this code is given again with the same key.
#[must_use]
pub fn may_retry(code: &str) -> bool {
    matches!(code, "unavailable" | "overloaded" | "storage_full" | "outcome_unknown" | "rate_limited")
}
