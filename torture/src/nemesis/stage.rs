//! What the faults work on.

use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use crate::{database::Database, fault::network::Network, server::Server, workload::World};

/// The server, its database and its clients, which faults are injected into.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub server: Mutex<Server>,
    /// Whether it is the [shop](crate::shop).
    pub is_shop: bool,
    /// Its database.
    pub database: Database,
    /// The network that may vanish.
    pub network: Vanishing,
    /// The clients.
    pub world: World,
    /// What the server did wrong that no client can see.
    pub complaints: std::sync::Mutex<Vec<String>>,
}

/// A network that may vanish, with this process on the server's side of it; or why there is none.
pub type Vanishing = Result<Arc<Network>, String>;

impl Stage {
    /// Notes that the server did something wrong.
    pub fn complain(&self, what: String) {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}
