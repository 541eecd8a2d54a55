//! The tokio shell around the pure state: tasks, queues and the database.

mod active_rooms;
mod admission;
mod archive;
mod audience;
mod breaker;
mod builder;
mod chat_engine;
mod chosen_names;
mod ending;
mod erase;
mod hub;
mod indexing;
mod inner;
mod job;
mod journal;
mod lifecycle;
mod load;
mod lock;
mod locked_out;
mod log_limits;
mod mailbox;
mod members;
mod memory;
mod metrics;
mod pause;
mod pending;
mod prepare;
mod purge;
mod rates;
mod reads;
mod reply;
mod retention;
mod revocations;
mod room_context;
mod room_task;
mod search;
mod services;
mod session;
mod session_core;
mod session_queue;
mod session_state;
mod session_watch;
mod sessions;
mod shutdown;
mod subscriber;
mod sweep;
mod users;
mod watches;
mod writer;

#[cfg(test)]
mod tests;

pub use archive::{RoomExport, RoomImport};
pub use builder::{Builder, Database};
pub use chat_engine::{ChatEngine, Health};
pub use session::{Session, SessionHandle, Updates};
