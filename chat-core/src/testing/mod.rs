//! Testing.
//!
//! - For tests of a host: [`TokioClock`] lets an engine go by paused time, [`Heard`] waits for what a session hears next, and a
//!   [`FaultyStore`] fails as told.
//! - For a store of your own: [`store_contract`].
//! - The engine's own: [`World`] simulates whole rooms by a seed. A host has no use for it.

pub mod store_contract;

mod faulty;
mod faulty_consumers;
mod faulty_eraser;
mod faulty_members;
mod faulty_moderation;
mod faulty_reader;
mod faulty_tail;
mod heard;
mod timeline;
mod tokio_clock;
mod world;

pub use faulty::{Fault, FaultyStore, StoreCall};
pub use heard::Heard;
pub use timeline::Timeline;
pub use tokio_clock::TokioClock;
pub use world::{Broken, Promise, Run, Tally, World};
