//! The groups of operations in the OpenAPI document.

/// The group of an operation.
#[derive(poem_openapi::Tags)]
pub(super) enum Tag {
    /// Create, find, change and delete rooms.
    Rooms,
    /// Who is in a room, and who is kept from something there.
    Members,
    /// Read and send messages.
    Messages,
    /// React to messages.
    Reactions,
    /// Pin messages.
    Pins,
    /// How far users have read, and what is unread.
    Reads,
    /// Who is online.
    Presence,
    /// Receive the events of a room live.
    Events,
    /// Who you are.
    Identity,
    /// Register and log in, where the server has accounts of its own.
    Accounts,
}
