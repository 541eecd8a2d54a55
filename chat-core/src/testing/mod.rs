//! Testing: a simulator of whole rooms, by a seed, a store that fails as told, and the contract of a store of your own.

pub mod store_contract;

mod faulty;
mod faulty_eraser;
mod faulty_members;
mod faulty_moderation;
mod faulty_reader;
mod timeline;
mod world;

pub use faulty::{Fault, FaultyStore, StoreCall};
pub use timeline::Timeline;
pub use world::{Broken, Promise, Run, Tally, World};
