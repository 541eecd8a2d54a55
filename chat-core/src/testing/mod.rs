//! Testing: a simulator of whole rooms, by a seed.

mod world;

pub use world::{Broken, Plant, Promise, Run, Tally, World};
