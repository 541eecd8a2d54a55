//! The server from outside: a real process, real sockets, and only what the wire's description says.

mod common;

mod history;
mod kill;
mod presence;
mod protocol;
mod protocol_errors;
mod restart;
mod resume;
mod rooms;
mod sockets;
