//! Real clients and real faults against a real server process.

pub mod fault;
