//! The server from outside: a real process, real sockets, and only what the description of the wire promises.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod common;

mod access;
mod accounts;
mod archive;
mod encryption;
mod epoch;
mod erasure;
mod examples;
mod faults;
mod feed;
mod files;
mod greedy;
mod history;
mod https;
mod injected_bugs;
mod kill;
mod kill_points;
mod limits;
mod logs;
mod metrics;
mod middleware;
mod migration;
mod outbox;
mod panics;
mod presence;
mod protocol;
mod protocol_errors;
mod proxy;
mod readme;
mod restart;
mod resume;
mod revoke;
mod rooms;
mod searches;
mod sockets;
mod stop;
mod tls;
mod webhook;
