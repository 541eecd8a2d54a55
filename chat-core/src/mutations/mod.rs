//! Bugs that are injected, to show that the simulator and the torture would find them.
//!
//! No bug stands in the code that it breaks. [`MutatedState`] wraps a room's state, and rewrites what goes into it and what
//! comes out of it; [`MutatedStore`] does the same to a store, and [`LogMutation`] is the part of it that the simulator's log
//! shares. A server has such a bug only when it was compiled with `cfg(failpoints)` (see [`failpoints`](crate::failpoints))
//! and told so at its start.

mod bug;
mod effects;
mod inputs;
mod invites;
mod log;
mod members;
mod outbox;
mod pages;
#[cfg(failpoints)]
mod process;
mod rights;
mod state;
mod store;
mod tail;
mod write_behind;

pub use bug::Bug;
pub use log::LogMutation;
#[cfg(failpoints)]
pub use process::{inject, injected};
pub use state::MutatedState;
pub use store::MutatedStore;
