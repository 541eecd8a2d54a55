//! The metrics of the adapter. No label names a user, a room or a path; `docs/metrics.md` explains each metric.

use std::time::Duration;

use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use poem::http::{Method, StatusCode};

const REQUESTS: &str = "chat_http_requests_total";
const REQUEST_SECONDS: &str = "chat_http_request_seconds";
const SOCKETS_OPEN: &str = "chat_sockets_open";
const FRAMES_MALFORMED: &str = "chat_socket_frames_malformed_total";
const UPGRADES_REFUSED: &str = "chat_socket_upgrades_refused_total";
const CONNECTIONS_DROPPED: &str = "chat_connections_dropped_total";
const HANDSHAKES_FAILED: &str = "chat_tls_handshakes_failed_total";

/// Describes the metrics, and sets those without labels to 0 so that they exist from the start.
pub(crate) fn describe() {
    describe_counter!(REQUESTS, Unit::Count, "Requests answered");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "From a request's headers to the headers of its answer");
    describe_gauge!(SOCKETS_OPEN, Unit::Count, "Sockets there are");
    describe_counter!(FRAMES_MALFORMED, Unit::Count, "Frames that are none of the protocol");
    describe_counter!(UPGRADES_REFUSED, Unit::Count, "Sockets that were refused, by the code they were told");
    describe_counter!(
        CONNECTIONS_DROPPED,
        Unit::Count,
        "Connections that were closed without an answer, as too many came from one address"
    );
    gauge!(SOCKETS_OPEN).increment(0);
    counter!(CONNECTIONS_DROPPED).increment(0);
    counter!(FRAMES_MALFORMED).increment(0);
}

/// Describes the metrics of TLS.
pub(crate) fn describe_tls() {
    describe_counter!(HANDSHAKES_FAILED, Unit::Count, "TLS handshakes that failed or took too long");
    counter!(HANDSHAKES_FAILED).increment(0);
}

/// Counts a connection that was closed without an answer.
pub(crate) fn connection_dropped() {
    counter!(CONNECTIONS_DROPPED).increment(1);
}

/// Counts a TLS handshake that failed.
pub(crate) fn handshake_failed() {
    counter!(HANDSHAKES_FAILED).increment(1);
}

/// A method as a label. Clients can invent methods, so unknown ones share one label.
pub(crate) const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Counts an answered request; `route` is a template.
pub(crate) fn request(method: &'static str, route: String, status: StatusCode, took: Duration) {
    let class = match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => class).increment(1);
    histogram!(REQUEST_SECONDS, "method" => method, "route" => route).record(took);
}

/// Counts a malformed frame of a client.
pub(crate) fn frame_malformed() {
    counter!(FRAMES_MALFORMED).increment(1);
}

/// Counts a refused socket, by the code of the problem or the close code.
pub(crate) fn upgrade_refused(code: String) {
    counter!(UPGRADES_REFUSED, "code" => code).increment(1);
}

/// Counts one open socket until it is dropped.
pub(crate) struct OpenSocket(Gauge);

impl OpenSocket {
    /// Adds one open socket.
    pub(crate) fn new() -> Self {
        let open = gauge!(SOCKETS_OPEN);
        open.increment(1);
        Self(open)
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
