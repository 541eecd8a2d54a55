//! Testing: a simulator of whole rooms, by a seed, and a store that fails as told.

mod faulty;
mod world;

pub use faulty::{Fault, FaultyStore, Op};
pub use world::{Broken, Plant, Promise, Run, Tally, World};
