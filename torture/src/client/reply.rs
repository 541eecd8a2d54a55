//! What a call over REST is answered.

use serde_json::Value;

/// An answer of the server.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body, if it is JSON.
    pub body: Value,
    /// Whether the answer says that the key was used before.
    pub replayed: bool,
}
