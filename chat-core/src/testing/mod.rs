//! Testing: a simulator of whole rooms, by a seed, and the contract of a store of your own.

pub mod store_contract;
mod world;

pub use world::{Broken, Plant, Promise, Run, Tally, World};
