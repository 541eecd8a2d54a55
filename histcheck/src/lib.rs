//! Judges a chat server by what its clients saw: histories in, anomalies out.

pub mod history;
