//! What people do, over each way in: the Rust API, REST, sockets and event streams.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "whatever is not expected fails the test")]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod conformance;
mod conversation;
#[cfg(feature = "jwt")]
mod identity;
mod members;
mod notices;
#[cfg(feature = "jwt")]
mod permissions;
mod rest;
mod sockets;
mod sse;
