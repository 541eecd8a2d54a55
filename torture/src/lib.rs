//! Real clients and real faults against a real server process: what the clients saw is judged by `histcheck`.

pub mod client;
pub mod database;
pub mod dump;
pub mod fault;
pub mod final_reads;
pub mod load_tests;
pub mod mutation_check;
pub mod nemesis;
pub mod progress;
pub mod recorder;
pub mod rng;
pub mod run;
pub mod server;
pub mod summary;
pub mod words;
pub mod workload;
