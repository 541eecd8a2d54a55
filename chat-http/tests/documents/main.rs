//! What is written of the API, and the files of the page: what is committed is what the code makes.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "whatever is not expected fails the test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/texts.rs"]
mod texts;

mod frames;
mod openapi;
mod patterns;
#[cfg(feature = "ui")]
mod ui;
