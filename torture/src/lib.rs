//! Real clients and real faults against a real server process. `histcheck` judges what the clients saw.

pub mod client;
pub mod database;
pub mod dump;
pub mod fault;
pub mod final_reads;
pub mod format;
pub mod load_tests;
pub mod mutation_check;
pub mod nemesis;
pub mod progress;
pub mod recorder;
pub mod rng;
pub mod run;
pub mod server;
pub mod shop;
pub mod summary;
pub mod workload;
