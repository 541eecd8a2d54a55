//! Logs in memory.

/// The logs themselves, without a lock: what the simulator uses.
#[derive(Debug, Default)]
pub struct MemoryLog(());

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(());
