//! The engine's metrics, for whatever `metrics` recorder the host has installed. Without a recorder they cost nothing.
//!
//! No label ever names a user or a room: their number has no bound. `docs/metrics.md` explains each metric.

use std::{fmt, time::Duration};

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{CloseReason, Departure, Error, Sent, engine::ending::Ending};

/// One handle for each metric, made once: recording through it looks nothing up.
pub(super) struct Metrics {
    stored: Counter,
    replayed: Counter,
    /// Counters of refused messages, by the error's code.
    refused: Vec<(&'static str, Counter)>,
    send_seconds: Histogram,
    /// Messages that are not answered yet.
    pub(super) messages_waiting: Gauge,
    /// Rooms that are being created, changed or deleted.
    pub(super) changes_waiting: Gauge,
    attaches: [Counter; 3],
    /// Attaches from positions that the log cannot have.
    pub(super) impossible_positions: Counter,
    /// Events that became durable and were published.
    pub(super) events_appended: Counter,
    batch_messages: Histogram,
    batch_seconds: Histogram,
    batch_failures: Counter,
    /// Events and signals handed to a session.
    pub(super) deliveries: Counter,
    sessions: Gauge,
    sessions_opened: Counter,
    sessions_closed: [(&'static str, Counter); 9],
    /// What a step takes that puts messages into the search index.
    pub(super) index_seconds: Histogram,
    /// Events from before the start that the search index does not have yet.
    pub(super) events_behind: Gauge,
    /// Messages of the outbox that could not be sent.
    pub(super) outbox_failed: Counter,
    /// Entries of all rooms that consumers have taken in.
    pub(super) entries_consumed: Counter,
    /// Tries to tell them that failed.
    pub(super) entries_failed: Counter,
    /// Entries that were given up.
    pub(super) entries_given_up: Counter,
    rooms_active: Gauge,
    breaker_open: Gauge,
}

/// How an attachment began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttachKind {
    /// From the room's head.
    Now,
    /// With exactly the events that were missed.
    Gap,
    /// With a resync: what was missed could not be told.
    Resync,
}

/// Raises a gauge by one as long as it lives.
pub(super) struct GaugeGuard(Gauge);

impl Metrics {
    /// Describes the metrics to the recorder there is now, and takes handles from it.
    pub(super) fn new() -> Self {
        describe();
        let refused = REFUSALS.into_iter().map(|code| (code, counter!(SENDS, "outcome" => code))).collect();
        let attaches = ["now", "gap", "resync"].map(|kind| counter!(ATTACHES, "kind" => kind));
        let sessions_closed = CLOSINGS.map(|reason| (reason, counter!(SESSIONS_CLOSED, "reason" => reason)));
        Self {
            stored: counter!(SENDS, "outcome" => "stored"),
            replayed: counter!(SENDS, "outcome" => "replayed"),
            refused,
            send_seconds: histogram!(SEND_SECONDS),
            messages_waiting: gauge!(MESSAGES_WAITING),
            changes_waiting: gauge!(CHANGES_WAITING),
            attaches,
            impossible_positions: counter!(IMPOSSIBLE_POSITIONS),
            events_appended: counter!(EVENTS_APPENDED),
            batch_messages: histogram!(BATCH_MESSAGES),
            batch_seconds: histogram!(BATCH_SECONDS),
            batch_failures: counter!(BATCH_FAILURES),
            deliveries: counter!(DELIVERIES),
            sessions: gauge!(SESSIONS),
            sessions_opened: counter!(SESSIONS_OPENED),
            sessions_closed,
            index_seconds: histogram!(INDEX_SECONDS),
            events_behind: gauge!(EVENTS_BEHIND),
            outbox_failed: counter!(OUTBOX_FAILED),
            entries_consumed: counter!(CONSUMED, "outcome" => "consumed"),
            entries_failed: counter!(CONSUMED, "outcome" => "failed"),
            entries_given_up: counter!(CONSUMED, "outcome" => "given_up"),
            rooms_active: gauge!(ROOMS_ACTIVE),
            breaker_open: gauge!(BREAKER_OPEN),
        }
    }

    /// A message was answered, this long after it was admitted.
    pub(super) fn send_answered(&self, result: &Result<Sent, Error>, after: Duration) {
        self.send_seconds.record(after);
        match result {
            Ok(Sent { replayed: false, .. }) => self.stored.increment(1),
            Ok(Sent { replayed: true, .. }) => self.replayed.increment(1),
            Err(error) => self.send_refused(error),
        }
    }

    /// A message was refused.
    pub(super) fn send_refused(&self, error: &Error) {
        add_one(&self.refused, error.code());
    }

    /// A session was attached to a room.
    pub(super) fn attached(&self, kind: AttachKind) {
        let [now, gap, resync] = &self.attaches;
        match kind {
            AttachKind::Now => now.increment(1),
            AttachKind::Gap => gap.increment(1),
            AttachKind::Resync => resync.increment(1),
        }
    }

    /// Messages were stored in one transaction, or not.
    pub(super) fn batch(&self, messages: usize, took: Duration, is_stored: bool) {
        self.batch_seconds.record(took);
        if is_stored {
            self.batch_messages.record(f64::from(u32::try_from(messages).unwrap_or(u32::MAX)));
        } else {
            self.batch_failures.increment(1);
        }
    }

    /// A session has started.
    pub(super) fn session_opened(&self) {
        self.sessions_opened.increment(1);
        self.sessions.increment(1);
    }

    /// A session has ended.
    pub(super) fn session_closed(&self, ending: Ending) {
        self.sessions.decrement(1);
        add_one(&self.sessions_closed, reason(ending));
    }

    /// Counts an active room as long as the guard lives.
    pub(super) fn active_room(&self) -> GaugeGuard {
        GaugeGuard::new(&self.rooms_active)
    }

    /// Counts an open breaker as long as the guard lives.
    pub(super) fn open_breaker(&self) -> GaugeGuard {
        GaugeGuard::new(&self.breaker_open)
    }
}

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn add_one(counters: &[(&'static str, Counter)], label: &str) {
    if let Some((_, counter)) = counters.iter().find(|(name, _)| *name == label) {
        counter.increment(1);
    }
}

const fn reason(ending: Ending) -> &'static str {
    match (ending.reason, ending.departure) {
        (Some(CloseReason::Lagged), _) => "lagged",
        (Some(CloseReason::Shutdown), _) => "shutdown",
        (Some(CloseReason::Defect), _) => "defect",
        (Some(CloseReason::Reloaded), _) => "reloaded",
        (Some(CloseReason::TooManySessions), _) => "too_many",
        (Some(CloseReason::Revoked), _) => "revoked",
        (Some(CloseReason::CredentialsRevoked), _) => "credentials_revoked",
        (None, Some(Departure::Lost)) => "lost",
        (None, Some(Departure::Closed) | None) => "closed",
    }
}

/// The values of the label `reason`: why sessions end.
const CLOSINGS: [&str; 9] =
    ["closed", "lost", "lagged", "defect", "reloaded", "shutdown", "too_many", "revoked", "credentials_revoked"];
/// The values of the label `outcome`, beside `stored` and `replayed`. All errors are here, since a policy may refuse with any.
const REFUSALS: [&str; 18] = [
    "invalid_field",
    "empty_message",
    "too_long",
    "unauthenticated",
    "forbidden",
    "room_not_found",
    "name_taken",
    "idempotency_mismatch",
    "already_attached",
    "not_attached",
    "too_many",
    "rate_limited",
    "overloaded",
    "unavailable",
    "storage_full",
    "stopped",
    "outcome_unknown",
    "internal",
];

const SENDS: &str = "chat_sends_total";
const SEND_SECONDS: &str = "chat_send_seconds";
const MESSAGES_WAITING: &str = "chat_messages_waiting";
const CHANGES_WAITING: &str = "chat_changes_waiting";
const ATTACHES: &str = "chat_attaches_total";
const IMPOSSIBLE_POSITIONS: &str = "chat_attaches_impossible_total";
const EVENTS_APPENDED: &str = "chat_events_appended_total";
const BATCH_MESSAGES: &str = "chat_append_batch_messages";
const BATCH_SECONDS: &str = "chat_append_batch_seconds";
const BATCH_FAILURES: &str = "chat_append_batch_failures_total";
const DELIVERIES: &str = "chat_deliveries_total";
const SESSIONS: &str = "chat_sessions";
const SESSIONS_OPENED: &str = "chat_sessions_opened_total";
const SESSIONS_CLOSED: &str = "chat_sessions_closed_total";
const INDEX_SECONDS: &str = "chat_index_step_seconds";
const EVENTS_BEHIND: &str = "chat_index_events_behind";
const OUTBOX_FAILED: &str = "chat_outbox_failed_total";
const CONSUMED: &str = "chat_consumer_entries_total";
const ROOMS_ACTIVE: &str = "chat_rooms_active";
const BREAKER_OPEN: &str = "chat_breaker_open";

fn describe() {
    let count = Unit::Count;
    describe_counter!(SENDS, count, "Messages sent, by what they were answered");
    describe_histogram!(SEND_SECONDS, Unit::Seconds, "From the admission of a message to its answer");
    describe_gauge!(MESSAGES_WAITING, count, "Messages that are admitted and not answered yet");
    describe_gauge!(
        CHANGES_WAITING,
        count,
        "Rooms to be made, changed or deleted that are admitted and not answered yet"
    );
    describe_counter!(ATTACHES, count, "Attachments to rooms, by how they began");
    describe_counter!(IMPOSSIBLE_POSITIONS, count, "Attachments from positions that the log cannot have");
    describe_counter!(EVENTS_APPENDED, count, "Events that became durable and were published");
    describe_histogram!(BATCH_MESSAGES, count, "Messages in one transaction, retries among them");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "What a transaction that stores messages takes, tries included");
    describe_counter!(BATCH_FAILURES, count, "Transactions with messages that failed");
    describe_counter!(DELIVERIES, count, "Events and signals handed to a session");
    describe_gauge!(SESSIONS, count, "Sessions there are");
    describe_counter!(SESSIONS_OPENED, count, "Sessions started");
    describe_counter!(SESSIONS_CLOSED, count, "Sessions ended, by why");
    describe_histogram!(INDEX_SECONDS, Unit::Seconds, "What a step takes that puts messages into the search index");
    describe_gauge!(EVENTS_BEHIND, count, "Events from before the start that the search index does not have yet");
    describe_counter!(
        OUTBOX_FAILED,
        count,
        "Messages that the host queued in a transaction and that could not be sent"
    );
    describe_counter!(CONSUMED, count, "Entries of all rooms that consumers were told, by what became of them");
    describe_gauge!(ROOMS_ACTIVE, count, "Rooms that are in memory, because someone is attached or something happens");
    describe_gauge!(BREAKER_OPEN, count, "1 while writes are refused because the database cannot store");
}
