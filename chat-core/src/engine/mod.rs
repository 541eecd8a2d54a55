//! The tokio shell around the pure state: tasks, queues and the database.

mod builder;
mod chat_engine;
mod session;

pub use builder::{Builder, Database};
pub use chat_engine::{ChatEngine, Health};
pub use session::{Session, SessionHandle, Updates};
