//! What strangers may send, how much of it, and what they are told.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "whatever is not expected fails the test")]

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod bad_frames;
mod bad_input;
mod budgets;
mod hardening;
#[cfg(feature = "test-util")]
mod kosoku;
mod middleware;
mod rates;
