//! The groups of operations in the OpenAPI document.

/// The group of an operation.
#[derive(poem_openapi::Tags)]
pub(super) enum Tag {
    /// Create, find, change and delete rooms.
    Rooms,
    /// Read and send messages.
    Messages,
    /// Who is online.
    Presence,
    /// Receive the events of a room live.
    Events,
}
