//! Testing.

mod faulty;

pub use faulty::{Fault, FaultyStore, Op};
