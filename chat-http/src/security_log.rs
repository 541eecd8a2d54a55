//! What concerns security outside of rooms, as records in the log: logins, credentials and refusals.
//!
//! Each record has the target [`SECURITY`] and a name in `event`; docs/operating.md lists them. Whatever strangers can cause is
//! recorded once per 10 s, with the number of those that were left out. No record has a token, a password or a name that was tried.

use std::time::Instant;

use chat_core::{
    UserId,
    log::{Excerpt, LogLimit, SECURITY},
};
use tracing::field::display;

pub(crate) fn registered(user: &UserId, admin: bool) {
    tracing::info!(target: SECURITY, event = "account.registered", user.id = %Excerpt(user), admin, "an account was registered");
}

pub(crate) fn logged_in(user: &UserId) {
    tracing::info!(target: SECURITY, event = "account.logged_in", user.id = %Excerpt(user), "a user has logged in");
}

pub(crate) fn log_in_refused() {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(left_out) = LIMIT.pass(Instant::now()) {
        tracing::warn!(target: SECURITY, event = "account.log_in_refused", left_out, "a name or a password was wrong");
    }
}

pub(crate) fn logged_out(user: &UserId) {
    tracing::info!(target: SECURITY, event = "account.logged_out", user.id = %Excerpt(user), "a login has ended");
}

pub(crate) fn logged_out_everywhere(user: &UserId) {
    tracing::info!(target: SECURITY, event = "account.logged_out_everywhere", subject.id = %Excerpt(user), "all logins of a user have ended");
}

pub(crate) fn password_changed(user: &UserId) {
    tracing::info!(target: SECURITY, event = "account.password_changed", user.id = %Excerpt(user), "the password of an account was changed");
}

pub(crate) fn password_refused(user: &UserId) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(left_out) = LIMIT.pass(Instant::now()) {
        tracing::warn!(target: SECURITY, event = "account.password_refused", left_out, user.id = %Excerpt(user), "a user gave a wrong password");
    }
}

pub(crate) fn closed(user: &UserId) {
    tracing::info!(target: SECURITY, event = "account.closed", subject.id = %Excerpt(user), "an account was closed");
}

#[cfg(feature = "jwt")]
pub(crate) fn token_refused(limit: &LogLimit, why: &'static str) {
    if let Some(left_out) = limit.pass(Instant::now()) {
        tracing::warn!(target: SECURITY, event = "token.refused", left_out, why, "a token was refused: {why}");
    }
}

pub(crate) fn page_refused(origin: &str) {
    tracing::warn!(
        target: SECURITY,
        event = "page.refused",
        origin,
        "a web page was refused: pages of this origin are not allowed here (--allowed-origin)"
    );
}

/// Records that somebody was refused something, by the code of the answer, if it concerns security.
pub(crate) fn refused(who: Option<&UserId>, code: &str) {
    static LIMIT: LogLimit = LogLimit::new();
    if !matches!(code, "forbidden" | "unauthenticated" | "banned" | "muted" | "rate_limited") {
        return;
    }
    if let Some(left_out) = LIMIT.pass(Instant::now()) {
        let who = who.map(Excerpt).map(display);
        tracing::warn!(target: SECURITY, event = "request.refused", left_out, user.id = who, why = code, "a request was refused: {code}");
    }
}
