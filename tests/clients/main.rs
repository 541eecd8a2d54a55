//! Other programs and the API's document: validators read it, a fuzzer tries what it says, generated clients talk to a
//! real server, and the bots of `examples/clients` run.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

#[path = "../server/common/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "each test program uses its part")]
mod common;

mod bots;
mod document;
mod embedding;
mod generated;
mod patterns;
mod stage;
#[path = "../../chat-http/tests/common/texts.rs"]
mod texts;
