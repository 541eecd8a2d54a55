//! What hosts make the chat part of: other frameworks and sockets, their own formats, and webhooks.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "whatever is not expected fails the test")]

#[path = "../common/mod.rs"]
mod common;

mod driver;
mod serde;
mod service;
#[cfg(feature = "webhook")]
mod webhook;
