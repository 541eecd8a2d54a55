//! Testing.

pub mod store_contract;
