//! A ticket for a socket.

use std::time::Duration;

use poem_openapi::Object;
use serde::Serialize;

/// A ticket for a socket, good once.
#[derive(Serialize, Object)]
#[oai(rename = "Ticket")]
pub(crate) struct TicketDto {
    /// 32 hexadecimal digits. Keep it to yourself.
    ticket: String,
    /// For how long it is good.
    expires_in_ms: u64,
}

impl TicketDto {
    pub(crate) fn new(ticket: String, good_for: Duration) -> Self {
        Self { ticket, expires_in_ms: u64::try_from(good_for.as_millis()).unwrap_or(u64::MAX) }
    }
}
